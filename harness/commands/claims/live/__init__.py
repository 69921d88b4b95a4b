"""Shows the progress of runs: live on a terminal, in plain lines elsewhere."""
