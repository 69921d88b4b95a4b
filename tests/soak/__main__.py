"""Hits runs of this project with faults, and shows which they survived."""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from emulator.cache.root import cache_root
from tests.soak.campaign import Plan, Record, run, table
from tests.soak.faults import FAULTS

SEED = "1"


def main() -> int:
    """Run the command line; the exit status is 1 where a round was lost."""
    arguments = _parser().parse_args()
    # A shell starts background jobs with SIGINT ignored, and nohup with SIGHUP; runs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    faults = [fault for fault in FAULTS if _chosen(fault.name, arguments.fault)]
    if not faults:
        print(f"There is no such fault. All of them: {', '.join(fault.name for fault in FAULTS)}")
        return 2
    if os.geteuid() != 0:
        skipped = [fault.name for fault in faults if fault.needs_root]
        faults = [fault for fault in faults if not fault.needs_root]
        print(f"Without root, these are left out: {', '.join(skipped) or 'none'}")
    arguments.directory.mkdir(parents=True, exist_ok=True)
    record = Record(arguments.directory / "outcomes.jsonl", arguments.seed)
    plan = Plan(faults, arguments.rounds, arguments.seed)
    try:
        run(plan, record, arguments.directory, jobs=arguments.jobs, seconds=arguments.seconds)
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on with what is left.")
    outcomes = record.outcomes.values()
    Console(width=None if sys.stdout.isatty() else 110).print(table(FAULTS, outcomes))
    return 1 if any(outcome.problems for outcome in outcomes) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("fault", nargs="*", help="words of faults' names, such as `killed`; default: all")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="of each fault; default: 10")
    parser.add_argument("--seed", default=SEED, help="decides what is done at random; default: 1")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="rounds at a time; default: 2")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, metavar="S", help="begin no round after so long"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=cache_root().with_name("binder-harness-soak"),
        metavar="DIR",
        help="caches, results, and the outcomes with which a later campaign goes on; default: %(default)s",
    )
    return parser


def _chosen(name: str, words: list[str]) -> bool:
    return not words or any(word in name for word in words)


if __name__ == "__main__":
    sys.exit(main())
