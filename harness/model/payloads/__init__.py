"""What a transaction carries: its buffer in the receiver's mapping, and what becomes of the objects in it."""
