"""What /proc shows, of a process and of the kernel, read into typed values."""
