"""How long commands take from their start to their end: what Python imports, where no device is used."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.rows import Figure, Row, in_turns
from bench.suite import Bench, Benchmark
from emulator.base.errors import HarnessError

TIME_LIMIT = 300.0
COMMANDS = (("--help",), ("list",), ("explain", "mmap.once"), ("doctor",))
COMMAND_ALLOWANCE = 0.15
"""Seconds that such a command may take beyond twice Python's own start."""
PLUGIN_ALLOWANCE = 0.03
"""Seconds that the plugin may cost a run of pytest that uses no device."""
PYTHON = Path(sys.executable).name


def run(program: str, *words: str) -> float:
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


def run_at_once(count: int, program: str, *words: str) -> float:
    """Seconds until so many runs of a program that start together have all ended, as `run` takes one's."""
    started = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        for each in [pool.submit(run, program, *words) for _ in range(count)]:
            each.result()
    return time.perf_counter() - started


def allowed(figure: Figure, factor: float, more: float, unit: str = "s") -> Figure:
    """A bound as a reference: a multiple of a figure, and so much more."""
    name = f"{factor:g} x {figure.name}" if factor != 1 else figure.name
    return Figure(f"{name} + {more:g} {unit}", tuple(factor * value + more for value in figure.values))


def _command(bench: Bench, *, words: tuple[str, ...]) -> Iterator[Row]:
    """Against Python's own start."""
    run("binder-harness", *words)
    command, python = in_turns(
        5 * bench.rounds,
        [
            (" ".join(words), lambda: run("binder-harness", *words)),
            ("python -c pass", lambda: run(PYTHON, "-c", "pass")),
        ],
    )
    yield Row(_name(words), "s", command, allowed(python, 2, COMMAND_ALLOWANCE), most=1)


def _plugin(bench: Bench) -> Iterator[Row]:
    """A user's run of pytest that uses no device, against the same without the plugin."""
    with tempfile.TemporaryDirectory() as directory:
        test = Path(directory, "test_nothing.py")
        test.write_text("def test_nothing() -> None:\n    pass\n")
        words = ("-q", f"--rootdir={directory}", "-p", "no:cacheprovider", str(test))
        run("pytest", *words)
        loaded, without = in_turns(
            5 * bench.rounds,
            [
                ("pytest", lambda: run("pytest", *words)),
                ("pytest without it", lambda: run("pytest", "-p", "no:binder_harness", *words)),
            ],
        )
    yield Row("command.plugin", "s", loaded, allowed(without, 1, PLUGIN_ALLOWANCE), most=1)


def _name(words: tuple[str, ...]) -> str:
    return f"command.{words[0].removeprefix('--')}"


BENCHMARKS = [
    *(Benchmark(_name(words), functools.partial(_command, words=words)) for words in COMMANDS),
    Benchmark("command.plugin", _plugin),
]
