"""Benchmarks against a lower bound, or against what users would run instead: `make bench`."""
