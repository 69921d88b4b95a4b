"""Services in Python, and the client of Android's service manager."""
