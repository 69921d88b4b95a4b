"""What a kernel shows of itself, read into typed values: /proc, Binder's records, traces."""
