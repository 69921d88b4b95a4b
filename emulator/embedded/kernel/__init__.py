"""A device's kernel: which there are, how an image is recognised, which modules it needs."""
