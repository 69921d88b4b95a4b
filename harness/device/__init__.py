"""A device: its facts, its files and shell, and the processes started on it."""
