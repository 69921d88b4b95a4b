"""What runs on a device: sources in C, and how they are compiled."""
