"""Python's end of the syscall agent: processes on a device that make the system calls Python wants made."""
