"""`report`: shows a stored run or matrix again, on the terminal or in another format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from emulator.base.errors import UsageError
from harness.commands.claims.outputs import OutputFile, OutputFormat, Outputs, attempt_all
from harness.commands.options import ClaimSources


def report(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that `verify --json` or `matrix --json` wrote.")
    ],
    format_: OutputFormat = None,
    output: OutputFile = None,
    benchmarks: Annotated[
        Path | None,
        typer.Option(
            "--benchmarks",
            metavar="FILE",
            help="Add to the page of a run the times that `python -m bench --json FILE` measured.",
        ),
    ] = None,
    accounts: Annotated[
        bool,
        typer.Option("-v", "--verbose", help="Show of each claim of a run what was measured."),
    ] = False,
    sources: ClaimSources = None,
) -> None:
    """Show a stored run again: on the terminal, or in another format.

    \b
    binder-harness report run.json                        the table
    binder-harness report run.json -o run.html            a page for browsers
    binder-harness report matrix.json --format markdown   for a comment
    binder-harness report run.json --benchmarks bench.json -o run.html

    The verdicts are those of the file; `judge` gives them again from the measurements.
    """
    from harness.experiments.core.loading import load_claims
    from harness.report.difference import load
    from harness.report.document import Document
    from harness.report.formats.report import Report
    from harness.report.matrix import Matrix
    from harness.report.pictures.benchmarks import Benchmarks
    from harness.report.terminal import matrix_table, results
    from harness.report.terminal.console import console_for

    load_claims(sources or ())
    outputs = Outputs.of(format_, output)
    content = load(file)
    is_page = isinstance(content, Document) and any(each.format.name == "html" for each in outputs.entries)
    if benchmarks is not None and not is_page:
        raise UsageError(
            "--benchmarks is for the page of a run: give the file of a run, and -o FILE.html or --format html"
        )
    if outputs.entries:
        timings = Benchmarks.load(benchmarks) if benchmarks is not None else None
        attempt_all(outputs.writing(Report(content, benchmarks=timings)))
    elif isinstance(content, Matrix):
        matrix_table.show(content, console_for(sys.stdout))
    else:
        results.show(content, console_for(sys.stdout), accounts=accounts)
