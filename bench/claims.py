"""How long `verify` takes: for one claim on a warm device, including Python's start, and for all claims."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Figure, Row, in_turns
from bench.suite import Bench, Benchmark
from emulator.base.errors import HarnessError

TIME_LIMIT = 300.0


def _run(program: str, *words: str) -> float:
    """Seconds that a program of the virtual environment takes, with cached bytecode, as for a user."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(Path(sys.executable).with_name(program)), *words]
    started = time.perf_counter()
    finished = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, env=environment)
    seconds = time.perf_counter() - started
    if finished.returncode != 0:
        output = (finished.stdout + finished.stderr)[-300:]
        raise HarnessError(f"{program} {' '.join(words)}: status {finished.returncode}, {output}")
    return seconds


def _one(bench: Bench) -> Iterator[Row]:
    """Against `pytest --version`, since pytest runs the claims."""
    _run("binder-harness", "verify", "mmap.once")
    one, start = in_turns(
        2 * bench.rounds,
        [
            ("verify mmap.once", lambda: _run("binder-harness", "verify", "mmap.once")),
            ("pytest --version", lambda: _run("pytest", "--version")),
        ],
    )
    yield Row("claims.one", "s", one, start)


def _all(bench: Bench) -> Iterator[Row]:
    """Claims a second, against one at a time with a device for each."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.json"
        seconds = _run("binder-harness", "verify", "--json", str(results))
        count = len(json.loads(results.read_text())["claims"])
    alone = Figure(
        "mmap.once alone",
        tuple(1 / _run("binder-harness", "verify", "mmap.once") for _ in range(bench.rounds)),
    )
    yield Row("claims.all", "per s", Figure(f"{count} in {seconds:.1f} s", (count / seconds,)), alone)


BENCHMARKS = [Benchmark("claims.one", _one), Benchmark("claims.all", _all)]
