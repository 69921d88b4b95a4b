"""A campaign of faults: runs of this project are hit, and nothing may be left, lost or unusable afterwards.

`python -m tests.soak --help`, or `make soak`.
"""
