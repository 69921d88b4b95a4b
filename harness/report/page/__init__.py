"""The result document or a matrix as a page for browsers."""
