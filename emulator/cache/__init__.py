"""Keeps what is slow to obtain: the cache and its maintenance, Debian's packages, run directories."""
