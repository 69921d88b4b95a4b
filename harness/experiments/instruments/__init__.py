"""What experiments of several topics measure with."""
