"""The service manager: handle 0, its start and its end, and the names that it keeps."""
