"""Runs the benchmarks and prints a table; with --json FILE writes it as JSON, too."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import (
    alternatives,
    baseline,
    claims,
    commands,
    drivers,
    earlier,
    explore,
    growth,
    libbinder,
    python_calls,
    recording,
    round_trips,
    served,
    starts,
    transports,
)
from bench.rows import Figure, Row
from bench.suite import Bench, Benchmark, chosen
from emulator.base.errors import HarnessError
from emulator.base.progress import reporting_to
from harness.experiments.core.json_values import to_json
from harness.kernel.concise import counted
from harness.report import stored

MODULES = (
    *(commands, starts, alternatives, round_trips, python_calls, served, explore, transports),
    *(libbinder, recording, growth, claims, drivers),
)
BENCHMARKS = [benchmark for module in MODULES for benchmark in module.BENCHMARKS]
IN_A_FILE = 240
"""Columns of the table where it does not go to a terminal: none of its cells is then broken."""
EPILOG = f"""{textwrap.fill("Benchmarks: " + " ".join(benchmark.name for benchmark in BENCHMARKS), 110)}

Each figure and its reference are measured in turns. Their ratio is more reliable than either, because the
device's processors are emulated unless KVM is available. "at most" is the ratio that is to be kept, "met"
whether it is. "moved" is by how much the ratio, or a figure without a reference, differs from the baseline,
where the middle halves of both do not overlap. All benchmarks take about six minutes on two processors.

  python -m bench                         all
  python -m bench python.channel records  some
  python -m bench claims --keep           the claims', as their baseline from now on

`make bench` installs what they need, and writes bench.json.
"""


def main() -> int:
    """Measure and print; returns the exit status. A benchmark that fails is a row of the table, no error."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures this project against a lower bound, or against what users would run instead.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="benchmarks, by name or prefix; default: all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    parser.add_argument(
        "--rounds", type=int, default=3, help="boots to measure, and others in proportion (default: 3)"
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="show what moved since the figures in FILE, and add those that it lacks (default: the first of "
        "this machine, in the cache)",
    )
    parser.add_argument(
        "--before", type=Path, metavar="FILE", help="show the figures that --json wrote to FILE beside these"
    )
    parser.add_argument(
        "--keep", action="store_true", help="replace what the baseline has by the figures of this run"
    )
    try:
        _run(parser.parse_args())
    except HarnessError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(options: argparse.Namespace) -> None:
    before = earlier.read(options.before) if options.before else None
    if options.json is not None:
        stored.check_writable(options.json)
    file = options.baseline or baseline.default_file()
    known = baseline.read(file)
    rows, where = _measured(chosen(BENCHMARKS, options.names), options.rounds)
    console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else IN_A_FILE)
    console.print(_table(rows, where, known, before))
    console.print(_targets(rows), soft_wrap=True)
    if options.json is not None:
        document = {"device": where, "commit": earlier.commit(), "rows": [_as_json(row) for row in rows]}
        stored.write(to_json(document), options.json)
    kept = baseline.keep(file, rows, replace=options.keep)
    if kept:
        console.print(f"Kept as the baseline, in {file}: {counted(len(kept), 'figure')}", soft_wrap=True)


def _measured(benchmarks: list[Benchmark], rounds: int) -> tuple[list[Row], str]:
    """The rows, and the device on which they were measured."""
    rows: list[Row] = []
    with Bench(rounds) as bench, reporting_to(lambda _: None):
        hardware = bench.controller.hardware
        for number, benchmark in enumerate(benchmarks, 1):
            print(f"[{number}/{len(benchmarks)}] {benchmark.name}", file=sys.stderr, flush=True)
            rows += benchmark.rows(bench)
    emulated = (
        "emulated (TCG), so times are not those of hardware"
        if hardware.acceleration == "tcg"
        else "of this machine"
    )
    return rows, f"{hardware.architecture}, {hardware.processors} processors, {emulated}"


def _table(
    rows: list[Row],
    where: str,
    known: Mapping[str, baseline.Spread],
    before: earlier.EarlierRun | None,
) -> Table:
    columns = ["what", "measured", "reference", "ratio", "at most", "met", "moved", "copies"]
    if before is not None:
        columns.insert(1, f"before ({before.commit})" if before.commit else "before")
    table = Table(
        *columns,
        title="Median (quartiles)",
        caption="Less is better, except for throughput. Moved: since the baseline, by more than the spread "
        f"of both. Device: {where}.",
    )
    for row in rows:
        named = [row.name] if before is None else [row.name, _before(row, before.rows.get(row.name))]
        if row.failure:
            table.add_row(*named, f"not measured: {row.failure}")
            continue
        shown = [_shown(figure, row.unit) for figure in (row.measured, row.reference)]
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        most = f"{row.most:g}" if row.most is not None else ""
        met = {True: "yes", False: "no", None: ""}[row.met]
        table.add_row(*named, *shown, ratio, most, met, _moved(row, known), row.copies)
    return table


def _before(row: Row, then: earlier.Earlier | None) -> str:
    """The earlier figure, and its ratio to its own reference."""
    if then is None or then.median is None:
        return then.failure if then else ""
    ratio = f" (ratio {then.ratio:.2f})" if then.ratio is not None else ""
    return f"{_digits(then.median)} {row.unit}{ratio}"


def _targets(rows: list[Row]) -> str:
    """How many targets are met, and which are not."""
    missed = [row.name for row in rows if row.met is False or row.failure]
    met = sum(row.met is True for row in rows)
    return f"Targets met: {met}; not met: {', '.join(missed) or 'none'}"


def _moved(row: Row, known: Mapping[str, baseline.Spread]) -> str:
    """By how much the figure moved since the baseline; empty where it is within the spread."""
    now = baseline.spread_of(row)
    if now is None or row.name not in known:
        return ""
    factor = baseline.moved(known[row.name], now)
    return "" if factor == 1 else f"{factor - 1:+.0%}"


def _shown(figure: Figure | None, unit: str) -> str:
    if figure is None:
        return ""
    low, high = figure.spread
    return f"{figure.name}: {_digits(figure.median)} {unit} ({_digits(low)} to {_digits(high)})"


def _digits(value: float) -> str:
    """A number with at least three digits and without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _as_json(row: Row) -> dict[str, object]:
    figures = (("measured", row.measured), ("reference", row.reference))
    return {
        **{name: getattr(row, name) for name in ("name", "unit", "ratio", "most", "copies", "failure")},
        **{
            role: {"name": figure.name, "median": figure.median, "values": figure.values}
            for role, figure in figures
            if figure is not None
        },
    }


if __name__ == "__main__":
    sys.exit(main())
