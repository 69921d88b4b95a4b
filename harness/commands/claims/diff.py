"""`diff`: shows what changed between two runs, two devices, or two matrices of devices."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from emulator.base.errors import ExitCode, UsageError


def diff(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Files that `verify --json` or `matrix --json` wrote: two, or one with --between.",
        ),
    ],
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--between",
            metavar="TARGET TARGET",
            help="Compare these two devices of one matrix.",
        ),
    ] = None,
) -> None:
    """Show what changed between two runs or devices.

    \b
    binder-harness diff yesterday.json today.json
    binder-harness diff matrix.json --between embedded 'embedded?arch=arm64'

    A claim has changed if its verdict differs, if only one result is as expected, or if a
    figure of the same name differs. Figures that vary from run to run, such as process ids,
    frame numbers and durations, are not compared. Devices' facts are shown, but are no
    change. In two matrices, devices of the same target are compared. The exit status is 0
    for no change, 1 for any, 2 for wrong usage.
    """
    from harness.report.difference import DocumentPair, column_of, document_pairs, load
    from harness.report.matrix import Matrix
    from harness.report.terminal.console import console_for
    from harness.report.terminal.diff import show

    if len(files) != (2 if between is None else 1):
        raise UsageError("Give two files to compare, or one matrix and --between TARGET TARGET.")
    if between is None:
        before, after = (load(file) for file in files)
        pairs = document_pairs(before, after)
    else:
        matrix = load(files[0])
        if not isinstance(matrix, Matrix):
            raise UsageError(
                f"{files[0]} is the result of one device, but --between needs a file that `matrix --json` "
                "wrote. To compare two runs, give both files."
            )
        pairs = [DocumentPair(*(column_of(matrix, _normal(target)) for target in between))]
    console = console_for(sys.stdout)
    for pair in pairs:
        show(pair, console)
    raise typer.Exit(ExitCode.UNEXPECTED if any(pair.differs for pair in pairs) else ExitCode.AS_EXPECTED)


def _normal(target: str) -> str:
    """The target with its options in the order that documents use; an unknown target is unchanged."""
    from emulator.target import parse_target

    try:
        return str(parse_target(target))
    except UsageError:  # a release with other targets may have written the matrix
        return target
