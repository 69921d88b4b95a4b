"""The ways of getting a device, one module each, and the checks of what they need."""
