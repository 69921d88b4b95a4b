"""How often a payload is copied: through Binder, through other channels, through shared memory."""
