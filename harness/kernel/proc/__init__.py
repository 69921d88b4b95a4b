"""What /proc shows of a process and of the kernel, as typed values."""
