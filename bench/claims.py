"""How long `verify` takes: for one claim on a warm device, including Python's start, and for all claims."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.commands import PYTHON, allowed, run
from bench.rows import Figure, Row, in_turns
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
    """Claims a second, against one at a time with a device for each."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.json"
        seconds = run("binder-harness", "verify", "--json", str(results))
        count = len(json.loads(results.read_text())["claims"])
    alone = Figure(
        "mmap.once alone",
        tuple(1 / run("binder-harness", "verify", "mmap.once") for _ in range(bench.rounds)),
    )
    yield Row("claims.all", "per s", Figure(f"{count} in {seconds:.1f} s", (count / seconds,)), alone)


BENCHMARKS = [Benchmark("claims.one", _one), Benchmark("claims.all", _all)]
