"""Reads figures for pictures, from whatever document; ValueError where a picture needs another value."""

from __future__ import annotations

from collections.abc import Mapping

from harness.experiments.core.figure import Figure

Figures = Mapping[str, Figure]
LARGEST = float(1 << 53)
"""Larger numbers are none that was measured, and cannot be drawn to scale."""
MOST = 64
"""So many values are drawn at most."""


def number(figures: Figures, name: str) -> float:
    """A figure that is a number, of 0 or more."""
    return _number(_value(figures, name))


def numbers(figures: Figures, name: str) -> list[float]:
    """A figure that is a list of numbers."""
    return [_number(entry) for entry in _list(_value(figures, name))]


def texts(figures: Figures, name: str) -> list[str]:
    """A figure that is a list of texts."""
    entries = _list(_value(figures, name))
    if not all(isinstance(entry, str) for entry in entries):
        raise ValueError(name)
    return [str(entry) for entry in entries]


def counts(figures: Figures, name: str) -> dict[str, float]:
    """A figure that is an object of numbers."""
    value = _value(figures, name)
    if not isinstance(value, dict):
        raise ValueError(name)
    return {str(key): _number(entry) for key, entry in value.items()}


def _value(figures: Figures, name: str) -> object:
    if name not in figures:
        raise ValueError(name)
    return figures[name].value


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST:
        raise ValueError(str(type(value)))
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(str(type(value)))
    if not 0 <= value <= LARGEST:  # nor is it NaN
        raise ValueError("a number out of range")
    return float(value)
