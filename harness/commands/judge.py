"""`judge`: gives the verdicts of stored runs again, from what was measured then, without a device."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.experiments.core.result import Result
    from harness.report.document import Document
    from harness.report.matrix import Matrix


def judge(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `verify --json` or `matrix --json` wrote.")
    ],
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the document with today's verdicts.")
    ] = None,
) -> None:
    """Judge a stored run again, without a device.

    \b
    binder-harness judge run.json                    what would be judged otherwise today
    binder-harness judge matrix.json --json judged-again.json

    The measurements in the file stay; verdicts, sentences, figures and expectations are
    those of the claims as they are now. Results without a measurement, such as those of a
    lost device, stay as they are. The exit status is 0 for no change, 1 for any, 2 for wrong
    usage.
    """
    from harness.report import diff as view
    from harness.report.document import Document
    from harness.report.stored import check_writable
    from harness.report.terminal import console_for

    if json is not None:
        check_writable(json)
    before = view.load(file)
    notes: list[str] = []
    after: Document | Matrix = (
        _document_again(before, notes) if isinstance(before, Document) else _matrix_again(before, notes)
    )
    console = console_for(sys.stdout)
    pairs = view.pairs_of(before, after)
    for pair in pairs:
        view.show(pair, console)
    for note in notes:
        print(f"binder-harness: {note}", file=sys.stderr)
    if json is not None:
        after.write(json)
        print(f"With today's verdicts: {json}")
    raise typer.Exit(ExitCode.UNEXPECTED if any(pair.differs for pair in pairs) else ExitCode.AS_EXPECTED)


def _matrix_again(matrix: Matrix, notes: list[str]) -> Matrix:
    columns = tuple(
        dataclasses.replace(column, document=_document_again(column.document, notes))
        for column in matrix.columns
    )
    return dataclasses.replace(matrix, columns=columns)


def _document_again(document: Document, notes: list[str]) -> Document:
    """The document with every claim judged again; what cannot be is kept, with a note."""
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.judge import judge_again

    results: list[Result] = []
    for result in document.claims:
        assert document.device is not None  # a document with results has a device
        try:
            results.append(judge_again(CLAIMS.get(result.id), result, document.device))
        except (UsageError, ValueError) as error:
            notes.append(f"{document.target}: {result.id} stays as it was: {error}")
            results.append(result)
    return dataclasses.replace(document, claims=tuple(results))
