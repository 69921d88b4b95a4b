"""How much memory the harness and the device take for what they hold, and how that grows with its number."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.rows import Figure, Row, exponent
from bench.suite import Bench
from harness.kernel.proc.memory import read_meminfo

KIB = 1024
MIB = 1024 * KIB
LEAST = 64 * KIB
"""Bytes: less is lost among what else happens meanwhile, and tells nothing of a growth."""


def memory_rows(
    name: str,
    bench: Bench,
    counts: Sequence[int],
    hold: Callable[[int], contextlib.AbstractContextManager[object]],
    *,
    of: Sequence[str] = ("harness", "device"),
) -> Iterator[Row]:
    """What holding so many of something takes on top of what is used before, and the growth's exponent."""
    taken: dict[str, dict[int, list[int]]] = {each: {count: [] for count in counts} for each in of}
    for _ in range(bench.rounds):
        for count in counts:
            before = _used(bench)
            with hold(count):
                now = _used(bench)
            for each, curve in taken.items():
                curve[count].append(now[each] - before[each])
    for each, curve in taken.items():
        figures = {
            count: Figure(f"{count:,}", tuple(taken_bytes / MIB for taken_bytes in values))
            for count, values in curve.items()
        }
        yield Row(f"{name}, memory of the {each}", "MiB", figures[counts[-1]])
        visible = {count: figures[count] for count, values in curve.items() if min(values) >= LEAST}
        if len(visible) > 1:
            yield Row(f"{name}, growth of the {each}'s memory", "", exponent(visible))


def _used(bench: Bench) -> dict[str, int]:
    """Bytes that this process and the device use; the kernel's caches are no use that lasts."""
    status = Path("/proc/self/status").read_text()
    resident = re.search(r"^VmRSS:\s*(\d+) kB", status, flags=re.MULTILINE)
    assert resident is not None
    device = read_meminfo(bench.device.files)
    return {"harness": int(resident[1]) * KIB, "device": device["MemTotal"] - device["MemAvailable"]}
