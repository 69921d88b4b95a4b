"""The result document of a run, and views of it."""
