"""Shows runs while they go on: live on a terminal, in plain lines elsewhere."""
