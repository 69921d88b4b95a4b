"""A device's kernel: Debian's or one's own, its image format, its modules and its command line."""
