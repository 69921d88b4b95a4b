"""`judge`: gives stored runs the verdicts of today, from their measurements, without a device."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import ExitCode, UsageError
from emulator.base.printable import show
from harness.commands.claims.outputs import OutputFile, OutputFormat, Outputs, attempt_all
from harness.commands.options import ClaimSources

if TYPE_CHECKING:
    from harness.experiments.core.result import Result
    from harness.report.document import Document
    from harness.report.matrix import Matrix


def judge(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that `verify --json` or `matrix --json` wrote.")
    ],
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the document with today's verdicts.")
    ] = None,
    format_: OutputFormat = None,
    output: OutputFile = None,
    sources: ClaimSources = None,
) -> None:
    """Judge a stored run again, without a device.

    \b
    binder-harness judge run.json              what is judged differently today
    binder-harness judge matrix.json --json judged-again.json
    binder-harness judge run.json -o run.html  the page, with today's verdicts

    The measurements are those of the file; verdicts, sentences, figures and expectations are
    those of today's claims. A result that cannot be judged again is kept: without a
    measurement, as after the loss of a device, without today's claim, or with a measurement
    of another shape. The exit status is 0 for no change, 1 for any, 2 for wrong usage.
    """
    from harness.experiments.core.loading import load_claims
    from harness.report.difference import document_pairs, load
    from harness.report.formats.report import Report
    from harness.report.terminal.console import console_for
    from harness.report.terminal.diff import show_judged_again

    load_claims(sources or ())
    outputs = Outputs.of(format_, output, json=json)
    before = load(file)
    notes: list[str] = []
    after = _judged_again(before, notes)
    # Standard output holds what was asked for there, and nothing else.
    console = console_for(sys.stderr if outputs.to_stdout else sys.stdout)
    pairs = document_pairs(before, after)
    for pair in pairs:
        assert pair.before is not None
        assert pair.after is not None
        show_judged_again(pair.before, pair.after, console)
    for note in notes:
        show(f"binder-harness: {note}", errors=True)
    attempt_all(outputs.writing(Report(after)))
    raise typer.Exit(ExitCode.UNEXPECTED if any(pair.differs for pair in pairs) else ExitCode.AS_EXPECTED)


def _judged_again(before: Document | Matrix, notes: list[str]) -> Document | Matrix:
    """A run or a matrix with today's verdicts; adds a note for each result that is kept."""
    from harness.report.document import Document

    if isinstance(before, Document):
        return _document_judged_again(before, notes)
    columns = tuple(
        dataclasses.replace(column, document=_document_judged_again(column.document, notes))
        for column in before.columns
    )
    return dataclasses.replace(before, columns=columns)


def _document_judged_again(document: Document, notes: list[str]) -> Document:
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.judge import judge_again

    results: list[Result] = []
    for result in document.claims:
        assert document.device is not None  # a document with results has a device
        try:
            results.append(judge_again(CLAIMS.get(result.id), result, document.device))
        except (UsageError, ValueError) as error:
            notes.append(f"{document.target}: the result of {result.id} is kept: {error}")
            results.append(result)
    if document.device is not None and document.device.not_recorded:
        facts = ", ".join(name.replace("_", " ") for name in sorted(document.device.not_recorded))
        notes.append(f"{document.target}: judged as without what the run did not record: {facts}")
    return dataclasses.replace(document, claims=tuple(results))
