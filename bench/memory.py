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
USED = ("AnonPages", "Mapped", "SUnreclaim", "PageTables", "KernelStack")
"""Of meminfo; a driver's pages are mapped."""
STAT_REFRESH = "/proc/sys/vm/stat_refresh"
"""Reading it adds up what each processor has counted (admin-guide/sysctl/vm.rst)."""
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
    """What holding so many of something takes on top of what is used before, and the growth's exponent.

    What the context manager needs is there before it is entered, and does not count.
    """
    taken: dict[str, dict[int, list[int]]] = {each: {count: [] for count in counts} for each in of}
    for _ in range(bench.rounds):
        for count in counts:
            holding = hold(count)
            before = _used(bench)
            with holding:
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
    """Bytes of this process, and those of the device that are processes' or the kernel's for them.

    What is free says less of so few bytes: each processor keeps back pages that others have freed (Linux
    6.12, mm/page_alloc.c, per_cpu_pages).
    """
    status = Path("/proc/self/status").read_text()
    resident = re.search(r"^VmRSS:\s*(\d+) kB", status, flags=re.MULTILINE)
    assert resident is not None
    bench.device.files.read_text(STAT_REFRESH)
    device = read_meminfo(bench.device.files)
    return {"harness": int(resident[1]) * KIB, "device": sum(device[name] for name in USED)}
