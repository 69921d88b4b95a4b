"""How long `verify` takes: for one claim on a warm device, including Python's start, and for all claims."""

from __future__ import annotations

import os
from collections.abc import Iterator

from bench.commands import PYTHON, allowed, run, run_at_once
from bench.rows import Row, in_turns
from bench.suite import Bench, Benchmark

USED_BY_VERIFY = "import pytest, rich, adbutils"
ALLOWANCE = 0.5
"""Seconds that one claim may take on a warm device beyond these imports."""


def _one(bench: Bench) -> Iterator[Row]:
    """Against the import of the libraries that run a claim, show its result and reach other devices."""
    run("binder-harness", "verify", "mmap.once")
    one, imports = in_turns(
        5 * bench.rounds,
        [
            ("verify mmap.once", lambda: run("binder-harness", "verify", "mmap.once")),
            (USED_BY_VERIFY, lambda: run(PYTHON, "-c", USED_BY_VERIFY)),
        ],
    )
    yield Row("claims.one", "s", one, allowed(imports, 1, ALLOWANCE), most=1)


def _all(bench: Bench) -> Iterator[Row]:
    """All claims on a clone for each processor, against one device; and the floor of that.

    The floor is a whole run for each processor, all at once, divided by their number. They do not wait for
    each other, but share what the processors share, such as caches, as clones do.
    """
    processors = len(os.sched_getaffinity(0))
    on_one_device = ("binder-harness", "verify", "-j", "1")

    def at_once() -> float:
        return run_at_once(processors, *on_one_device) / processors

    clones, one, together = in_turns(
        max(1, bench.rounds // 3),
        [
            ("all, on clones", lambda: run("binder-harness", "verify")),
            ("all, on one device", lambda: run(*on_one_device)),
            (f"{processors} runs at once / {processors}", at_once),
        ],
    )
    yield Row("claims.all", "s", clones, one, most=0.6)
    yield Row("claims.all, floor", "s", together, one)


BENCHMARKS = [Benchmark("claims.one", _one), Benchmark("claims.all", _all)]
