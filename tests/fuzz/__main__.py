"""Fuzzes every parser for a while, guided by coverage, and the agents in C, built with sanitizers.

The input with which a parser fails is written to a file, which `python -m tests.fuzz TARGET --input FILE`
runs again.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from emulator.cache.root import cache_root
from tests.fuzz.target import LARGEST, Agent, Target
from tests.fuzz.targets import AGENTS, TARGETS

SECONDS = 60
SLOWEST = 20
"""Seconds for one input: a parser that takes longer hangs."""
MEMORY = 2048
"""MiB for one process."""
DONE = re.compile(r"Done (\d+) runs in (\d+) second")
STATUS = re.compile(r"^#(\d+)\s.*?cov: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What came of a target."""

    name: str
    inputs: int
    seconds: float
    finding: str
    """What was found, else empty."""
    coverage: int = 0
    """Counters of our Python code that were reached."""


def fuzz(target: Target, directory: Path, seconds: int) -> Fuzzed:
    """Fuzz a target for so long; its corpus is kept, so that the next time begins where this one ended."""
    corpus = directory / target.name
    seeds = directory / f"{target.name}.seeds"
    for each in (corpus, seeds):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (seeds / str(number)).write_bytes(seed)
    command = [
        *(sys.executable, "-m", "tests.fuzz.coverage_guided", target.name),
        *(f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}"),
        *(f"-max_len={LARGEST}", f"-artifact_prefix={directory}/{target.name}-"),
        *(str(corpus), str(seeds)),
    ]
    began = time.monotonic()
    finished = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    output = finished.stdout + finished.stderr
    statuses = STATUS.findall(output)
    inputs, coverage = map(int, statuses[-1]) if statuses else (0, 0)
    done = DONE.search(output)
    return Fuzzed(
        target.name,
        int(done[1]) if done else inputs,
        time.monotonic() - began,
        "" if finished.returncode == 0 else _finding(output),
        coverage,
    )


def _finding(output: str) -> str:
    """The traceback, or else what libFuzzer says, with the file that has the input."""
    traceback = re.search(r"=== Uncaught Python exception: ===\n(?:.*\n)*?\n", output)
    return "".join([traceback[0] if traceback else "", output[-800:]])


def fuzz_agent(agent: Agent, seconds: int) -> Fuzzed:
    """Hold sessions with an agent for so long, or until one finds something; each run begins elsewhere."""
    began = time.monotonic()
    first = random.SystemRandom().randrange(1 << 32)
    inputs, finding = 0, ""
    with tempfile.TemporaryDirectory() as directory:
        program = agent.build(Path(directory))
        for number in itertools.count(first):
            if finding or time.monotonic() - began > seconds:
                break
            count, finding = agent.session(program, random.Random(number))
            inputs += count
            finding = finding and f"session {number}: {finding}"
    return Fuzzed(agent.name, inputs, time.monotonic() - began, finding)


def _chosen(words: list[str], name: str) -> bool:
    return not words or any(word in name for word in words)


def main() -> int:
    """Run the command line; the exit status is 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help="parts of names; default: every parser")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="at a time; default: %(default)s")
    parser.add_argument("--input", type=Path, help="run this input alone")
    arguments = parser.parse_args()
    targets = [target for target in TARGETS if _chosen(arguments.target, target.name)]
    agents = [agent for agent in AGENTS if _chosen(arguments.target, agent.name)]
    if arguments.input is not None:
        for target in targets:
            target(arguments.input.read_bytes())
        return 0
    if targets and importlib.util.find_spec("atheris") is None:
        parser.error(
            "the parsers are fuzzed with atheris: run `make fuzz`, or pip install --editable '.[fuzz]'"
        )
    directory = cache_root().with_name("binder-harness-fuzz")
    jobs: list[Callable[[], Fuzzed]] = [
        *(partial(fuzz, target, directory, arguments.seconds) for target in targets),
        *(partial(fuzz_agent, agent, arguments.seconds) for agent in agents),
    ]
    results = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for fuzzed in pool.map(lambda job: job(), jobs):
            results.append(fuzzed)
            print(f"{fuzzed.name}: {fuzzed.inputs:,} inputs", flush=True)
            if fuzzed.finding:
                print(fuzzed.finding, flush=True)
    Console(width=None if sys.stdout.isatty() else 110).print(_table(results))
    return 1 if any(fuzzed.finding for fuzzed in results) else 0


def _table(results: list[Fuzzed]) -> Table:
    table = Table("target", box=None)
    for name in ("inputs", "seconds", "coverage", "findings"):
        table.add_column(name, justify="right")
    total = Fuzzed(
        "all",
        sum(fuzzed.inputs for fuzzed in results),
        sum(fuzzed.seconds for fuzzed in results),
        "",
        sum(fuzzed.coverage for fuzzed in results),
    )
    for fuzzed in (*results, total):
        found = sum(bool(each.finding) for each in results) if fuzzed is total else bool(fuzzed.finding)
        table.add_row(
            fuzzed.name, f"{fuzzed.inputs:,}", f"{fuzzed.seconds:.0f}", str(fuzzed.coverage), str(int(found))
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
