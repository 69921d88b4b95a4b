"""The ways of getting a device, one module each, with what they need of a machine."""
