"""The mapping: its size, its owner, and the memory behind it."""
