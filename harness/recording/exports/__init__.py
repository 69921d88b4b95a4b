"""The files that a recording is written to, one module for each kind."""
