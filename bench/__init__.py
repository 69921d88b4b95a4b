"""What is fast, measured beside what it could be at best: `make bench`."""
