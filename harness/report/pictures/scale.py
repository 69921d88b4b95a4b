"""Axes: the ticks of a scale, in powers of two for bytes, and how a quantity is written at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.experiments.core.figure import shown

BYTES = "bytes"
UNITS = ((1 << 20, "MiB"), (1 << 10, "KiB"))
MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from 0 to `largest`, over `length` pixels from `start` on."""

    largest: float
    unit: str
    start: float
    length: float

    def __call__(self, value: float) -> float:
        """The place of a value, in pixels."""
        return self.start + self.length * value / (self.largest or 1)

    def ticks(self) -> list[float]:
        """Round values from 0 on, five at most."""
        step = _step(self.largest / (MOST_TICKS - 1), 2 if self.unit == BYTES else 10)
        return [step * place for place in range(MOST_TICKS) if step * place <= self.largest]

    def label(self, value: float) -> str:
        """A tick's value, with its unit."""
        return tick(value, self.unit)


def _step(least: float, base: int) -> float:
    """The smallest round number that is `least` or more: a power of two, or 1, 2 or 5 with zeros."""
    if base == 2:
        return float(1 << max(math.ceil(math.log2(max(least, 1))), 0))
    power = 10 ** math.floor(math.log10(max(least, 1)))
    return float(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least))


def tick(value: float, unit: str) -> str:
    """A round value as an axis shows it: `512 KiB`, `10`."""
    if unit == BYTES:
        for size, name in UNITS:
            if value >= size:
                return f"{value / size:g} {name}"
    return f"{value:g}"


def quantity(value: float, unit: str) -> str:
    """A measured value in full: `1,040,384 bytes`."""
    whole = int(value) if float(value).is_integer() else value
    return shown(whole, unit)
