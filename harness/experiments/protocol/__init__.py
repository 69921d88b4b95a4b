"""How a process and the driver talk: ioctls, calls, references, deaths."""
