"""The objects that a process offers, and the threads that serve the calls to them."""
