"""`matrix`: judges claims on several devices, and shows where they differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError
from emulator.base.interruption import mark_shown
from emulator.base.printable import show
from harness.commands.claims.outputs import Html, Junit, OutputFile, OutputFormat, Outputs, attempt_all
from harness.commands.options import (
    ClaimsOrAll,
    ClaimSources,
    Cold,
    Host,
    Java,
    complete_target,
    java_is_asked_for,
    with_start_options,
)
from harness.matrix.selection import Selection

if TYPE_CHECKING:
    from emulator.target import Target
    from harness.report.events import Event
    from harness.report.journal import Journal
    from harness.report.matrix import Matrix

EVERY_KIND = (
    "embedded?kernel=6.1",
    "embedded",
    "embedded?kernel=7.3",
    "embedded?driver=rust",
    "embedded?arch=arm64&pages=16k",
    "embedded?userland=14",
)
"""Three kernels, the newest with either driver, two architectures, two page sizes, two generations."""


def matrix(
    patterns: ClaimsOrAll = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="TARGET",
            help=f"A device; may be repeated. Default: {', '.join(EVERY_KIND)}.",
            autocompletion=complete_target,
        ),
    ] = None,
    cold: Cold = False,
    host: Host = None,
    sources: ClaimSources = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j", "--jobs", min=1, metavar="N", help="Devices at a time; default: one for each processor."
        ),
    ] = None,
    java: Java = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            envvar="BINDER_HARNESS_SCHEDULER",
            help="Distribute the devices to the workers of this Dask scheduler, one at a time on each; "
            "`local` starts N workers on this machine.",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the results, with all figures, to FILE."),
    ] = None,
    junit: Junit = None,
    html: Html = None,
    format_: OutputFormat = None,
    output: OutputFile = None,
) -> None:
    """Judge claims on several devices, and show where they differ.

    \b
    binder-harness matrix  kernels, drivers, architectures and page sizes
    binder-harness matrix limit -j 1 --json matrix.json --html matrix.html
    binder-harness matrix --target embedded --target adb:SERIAL
    binder-harness matrix --scheduler tcp://build-server:8786

    The column of a device that cannot be opened has the reason. The exit status is the
    gravest of all devices.
    """
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.loading import load_claims

    added = load_claims(sources or ())
    claims = [claim.id for claim in CLAIMS.select(patterns or [])]
    chosen = _distinct([with_start_options(target, cold=cold, host=host) for target in targets or EVERY_KIND])
    outputs = Outputs.of(format_, output, json=json, junit=junit, html=html)
    if scheduler is not None:
        _warn_of(scheduler)
    jobs = jobs or len(os.sched_getaffinity(0))
    journal = _journal(outputs.journaled, chosen, claims)
    with nullcontext() if journal is None else journal.kept_if_used():
        result, end = _judge(
            chosen,
            Selection(claims, added, java=java_is_asked_for(patterns, java)),
            scheduler=scheduler,
            jobs=jobs,
            journal=journal,
        )
    attempt_all(_actions(result, outputs, journal), end)
    raise typer.Exit(result.exit_code)


def _distinct(targets: list[Target]) -> list[str]:
    """The targets as text, in their normal form; UsageError for a repeated one."""
    names = list(map(str, targets))
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise UsageError(
            f"--target {repeated[0]} is given {names.count(repeated[0])} times. Give it once: "
            "results are listed by target."
        )
    return names


def _warn_of(scheduler: str) -> None:
    from harness.matrix.workers import unprotected

    if unprotected(scheduler):
        show(
            f"binder-harness: {scheduler} is not encrypted, and lets whoever can connect to it run code on "
            "this machine and on its workers. Use tls://: docs/matrix-and-ci.md, Security.",
            errors=True,
        )


def _journal(json: Path | None, targets: list[str], claims: list[str]) -> Journal | None:
    """The journal of the matrix, where it is written to a file."""
    if json is None:
        return None
    from harness.report.journal import Heading, Journal, prepare

    prepare(json)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    heading = Heading(started=started, targets=tuple(targets), claims=tuple(claims), matrix=True)
    return Journal(json, heading)


def _judge(
    targets: list[str],
    selection: Selection,
    *,
    scheduler: str | None,
    jobs: int,
    journal: Journal | None,
) -> tuple[Matrix, BaseException | None]:
    """The matrix, and the error or interruption that ended it; raises an error before the first column."""
    from emulator.base.interruption import signal_behind
    from harness.commands.claims.live.matrix_view import matrix_view
    from harness.report.matrix import AN_ERROR, Matrix
    from harness.report.stored import harness_version

    end: BaseException | None = None
    interrupted: str | None = None
    with matrix_view(targets, selection.claims) as view:

        def keep_and_show(event: Event) -> None:
            if journal is not None:
                journal(event)
            view(event)

        try:
            if scheduler is None:
                from harness.matrix.local import judge_locally

                judge_locally(targets, selection, jobs=jobs, view=keep_and_show)
            else:
                from harness.matrix.workers import judge_on_workers

                judge_on_workers(targets, selection, scheduler=scheduler, jobs=jobs, view=keep_and_show)
        except KeyboardInterrupt as interruption:
            end, interrupted = interruption, signal_behind(interruption).name
        except Exception as error:
            if not view.columns:
                raise
            end, interrupted = error, AN_ERROR
        if end is not None:
            view.end_others(end)
    return Matrix(harness=harness_version(), interrupted=interrupted, columns=view.columns), end


def _actions(result: Matrix, outputs: Outputs, journal: Journal | None) -> list[Callable[[], None]]:
    """What shows and writes the matrix."""
    from harness.report.formats.report import Report
    from harness.report.terminal import matrix_table
    from harness.report.terminal.console import console_for

    def replace_journal() -> None:
        assert journal is not None
        assert outputs.journaled is not None
        journal.replace_by(partial(result.write, outputs.journaled))

    writing = outputs.writing(Report(result), journaled=replace_journal)

    def show_table() -> None:
        matrix_table.show(result, console_for(sys.stdout))
        if result.interrupted:
            mark_shown()

    return writing if outputs.to_stdout else [show_table, *writing]
