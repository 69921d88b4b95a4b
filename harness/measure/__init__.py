"""Experiments: each returns a frozen dataclass of raw figures, and judges nothing."""
