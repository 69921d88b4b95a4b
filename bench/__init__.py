"""What is fast, measured beside what it could be at best, or what users would run instead: `make bench`."""
