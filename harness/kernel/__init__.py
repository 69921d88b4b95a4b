"""What a kernel shows, as typed values: /proc, Binder's debug files, traces."""
