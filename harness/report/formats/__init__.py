"""The forms in which results are written to files, for people, for CI and for other programs."""
