"""The commands about devices: boot one, use it, and see what this machine has for it."""
