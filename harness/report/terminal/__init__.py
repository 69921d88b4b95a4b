"""Views on a terminal: of a run, of a matrix, of the differences between two runs."""
