"""AOSP's own tests of libbinder, run on a device, and what came of each."""
