"""Prints the table of benchmarks, and with --json FILE writes it there."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.device import quiet_rows
from bench.rows import Figure, Row


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--rounds", type=int, default=5, help="boots to measure; all else in proportion")
    options = parser.parse_args()
    rows = list(quiet_rows(options.rounds))
    Console().print(_table(rows))
    if options.json is not None:
        options.json.write_text(json.dumps([_as_json(row) for row in rows], indent=1))


def _table(rows: list[Row]) -> Table:
    table = Table("what", "measured", "reference", "ratio", "at most", title="Median (quartiles)")
    for row in rows:
        reference = _shown(row.reference, row.unit) if row.reference else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        most = f"{row.most:g}" if row.most is not None else ""
        table.add_row(row.name, _shown(row.measured, row.unit), reference, ratio, most)
    return table


def _shown(figure: Figure, unit: str) -> str:
    low, high = figure.spread
    return f"{figure.name}: {figure.median:.3g} {unit} ({low:.3g} to {high:.3g})"


def _as_json(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "unit": row.unit,
        "ratio": row.ratio,
        "most": row.most,
        **{
            role: {"name": figure.name, "median": figure.median, "values": figure.values}
            for role, figure in (("measured", row.measured), ("reference", row.reference))
            if figure is not None
        },
    }


if __name__ == "__main__":
    main()
