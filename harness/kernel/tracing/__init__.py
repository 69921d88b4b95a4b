"""What the kernel records of itself: the trace file system, probes, and Binder's transactions in a trace."""
