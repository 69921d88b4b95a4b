"""A program's steps on a device: as bytes and system calls, and what comes back as the model's values."""
