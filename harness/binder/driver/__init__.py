"""The driver as one process uses it: the open file, a thread's ioctls, payloads and received buffers."""
