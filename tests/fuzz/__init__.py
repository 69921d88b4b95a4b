"""Mutated input for every parser, with what it may refuse, and for the agents that are written in C.

`python -m tests.fuzz --help`, or `make fuzz`.
"""
