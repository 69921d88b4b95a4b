"""What a user waits for: one claim on a warm device, Python's start included, and all of them."""

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

WITHIN = 300.0


def _run(program: str, *words: str) -> float:
    """Seconds that a program beside Python takes, with bytecode kept, as a user has it."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(Path(sys.executable).with_name(program)), *words]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, env=environment)
    taken = time.perf_counter() - started
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-300:]
        raise HarnessError(f"{program} {' '.join(words)}: status {done.returncode}, {said}")
    return taken


def _one(bench: Bench) -> Iterator[Row]:
    """Beside what pytest, which runs claims, takes to say its version."""
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
    """Claims a second, beside one at a time with one device for each."""
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
