"""Latency and throughput of Binder and its alternatives over the payload, from what `make bench` measured."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emulator.base.errors import UsageError, reason_of
from harness.experiments.core.json_values import from_json, parsed
from harness.report.pictures.canvas import Picture
from harness.report.pictures.log_lines import KINDS, Spread, Way, log_lines

NAME = re.compile(r"(call|one-way)\.(\d+)(B|KiB|MiB), (latency|throughput)")
"""A row about messages between two processes: what is sent, of what size, and what was measured."""
SCALES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}
KINDS_OF_MESSAGE = {"call": "a call and its reply", "one-way": "a one-way message"}


@dataclass(frozen=True, slots=True)
class Series:
    """Repeated measurements of one way."""

    name: str
    median: float
    values: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """The median with the quartiles; with the extremes of fewer than four values."""
        if len(self.values) < 4:
            return Spread(min(self.values), self.median, max(self.values))
        low, _, high = statistics.quantiles(self.values, n=4)
        return Spread(low, self.median, high)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the benchmarks; a failed one has no series."""

    name: str
    unit: str
    ratio: float | None
    most: float | None
    copies: str
    failure: str
    measured: Series | None = None
    reference: Series | None = None


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """What `python -m bench --json` wrote."""

    device: str
    """The device, and whether its times are those of hardware."""
    rows: tuple[Row, ...] = field(default=())

    @classmethod
    def load(cls, path: Path) -> Benchmarks:
        """Read the file; UsageError, with the reason, for any other one."""
        try:
            found = from_json(cls, parsed(path.read_text(encoding="utf-8")), where="the document")
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {reason_of(error)}") from error
        except ValueError as error:
            raise UsageError(
                f"{path} holds no benchmarks: {error}. Give what `python -m bench --json` wrote."
            ) from error
        return found

    def pictures(self) -> Iterator[Picture]:
        """A picture for each kind of message and each quantity; none of what was not measured."""
        found: dict[tuple[str, str, str], dict[str, dict[int, Spread]]] = {}
        for row in self.rows:
            match = NAME.fullmatch(row.name)
            if match is None or row.measured is None or row.reference is None:
                continue
            kind, number, scale, quantity = match.groups()
            ways = found.setdefault((kind, quantity, row.unit), {})
            for series in (row.measured, row.reference):
                if series.values and min(series.values) > 0:
                    ways.setdefault(series.name, {})[int(number) * SCALES[scale]] = series.spread
        for (kind, quantity, unit), ways in found.items():
            sizes = sorted({size for spreads in ways.values() for size in spreads})
            if len(sizes) > 1:
                yield log_lines(
                    f"{quantity.capitalize()} of {KINDS_OF_MESSAGE[kind]}",
                    [_sized(size) for size in sizes],
                    [
                        Way(name, [spreads.get(size) for size in sizes])
                        for name, spreads in list(ways.items())[: len(KINDS)]
                    ],
                    unit,
                )


def _sized(size: int) -> str:
    for name, scale in reversed(SCALES.items()):
        if size >= scale:
            return f"{size // scale} {name}"
    return "none"
