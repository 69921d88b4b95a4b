"""The command that records."""
