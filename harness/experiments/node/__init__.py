"""The device node, and what the driver keeps for the processes that open it."""
