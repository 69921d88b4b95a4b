"""Compares figures with the first that the same machine had: what moved by more than its spread."""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.rows import Figure, Row
from emulator.base.errors import UsageError, reason_of
from emulator.cache.root import cache_root
from harness.experiments.core.json_values import to_json
from harness.report import stored

Spread = tuple[float, float]
"""A first and a third quartile."""


def machine() -> str:
    """A name for this machine: figures of another one say nothing about it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = sorted(line for line in lines if line.startswith(("model name", "CPU part")))
    return hashlib.sha256("\n".join([platform.machine(), *models]).encode()).hexdigest()[:16]


def default_file() -> Path:
    """Where this machine's baseline is kept."""
    return cache_root() / f"bench-{machine()}.json"


def spread_of(row: Row) -> Spread | None:
    """The spread of what is compared: the ratio to the reference, if there is one; its load is the same."""
    if row.measured is None:
        return None
    if row.reference is None:
        return row.measured.spread
    if len(row.measured.values) == len(row.reference.values):  # taken in turns
        pairs = zip(row.measured.values, row.reference.values, strict=True)
        return Figure("ratio", tuple(one / other for one, other in pairs)).spread
    low, high = row.measured.spread
    return low / row.reference.median, high / row.reference.median


def moved(before: Spread, now: Spread) -> float:
    """By which factor the figure moved; 1 where the spreads overlap, infinite where it was nothing."""
    if before[0] <= now[1] and now[0] <= before[1]:
        return 1.0
    middle = before[0] + before[1]
    return (now[0] + now[1]) / middle if middle else math.inf


def read(file: Path) -> Mapping[str, Spread]:
    """The spreads of a baseline, by the name of the row; none where there is no file.

    Raises UsageError for a file that is none.
    """
    try:
        values = json.loads(file.read_text())
        return {name: (float(low), float(high)) for name, (low, high) in values.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"The baseline {file} cannot be read: {reason_of(error)}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is no baseline. Remove it, or give another with --baseline.") from error


def keep(file: Path, rows: Iterable[Row], *, replace: bool) -> list[str]:
    """Keep the rows that the baseline lacks, or with `replace` all of them; returns the names of those kept.

    Rows of benchmarks that were not run stay.
    """
    known = read(file)
    spreads = {row.name: spread for row in rows if (spread := spread_of(row)) is not None}
    kept = {name: spread for name, spread in spreads.items() if replace or name not in known}
    if kept:
        stored.write(to_json({**known, **kept}), file)
    return list(kept)
