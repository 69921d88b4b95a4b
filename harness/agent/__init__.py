"""The client of the system call agent: processes on a device that make system calls for Python."""
