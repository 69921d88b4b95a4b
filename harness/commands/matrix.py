"""`matrix`: judges claims on several devices, and shows where these differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError
from harness.commands.options import ClaimsOrAll, Cold, Host, Html, started
from harness.commands.text import FOR_BROWSERS, WITH_ALL_FIGURES

if TYPE_CHECKING:
    from emulator.target import Target
    from harness.report.matrix import Matrix

EVERY_KIND = (
    "embedded?kernel=6.1",
    "embedded",
    "embedded?arch=arm64",
    "embedded?arch=arm64&pages=16k",
)
"""An old kernel and a new one, two architectures, two page sizes."""


def matrix(
    patterns: ClaimsOrAll = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            metavar="TARGET",
            help=f"A device; give the option for each of them. Without it: {', '.join(EVERY_KIND)}.",
        ),
    ] = None,
    cold: Cold = False,
    host: Host = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j", "--jobs", min=1, metavar="N", help="Devices at a time; without it, one for each processor."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            envvar="BINDER_HARNESS_SCHEDULER",
            help="Spread the devices over the workers of this Dask scheduler, one at a time on each; "
            "`local` starts N workers on this machine.",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the results there, with all figures."),
    ] = None,
    html: Html = None,
) -> None:
    """Judge claims on several devices, and show where these differ.

    \b
    binder-harness matrix                        two kernels, two architectures, two page sizes
    binder-harness matrix limit -j 1 --json matrix.json --html matrix.html
    binder-harness matrix --target embedded --target adb:SERIAL
    binder-harness matrix --scheduler tcp://build-server:8786

    A device that cannot be opened is a column with the reason. The exit status is the
    gravest of the devices'.
    """
    from harness.experiments.core.claim import CLAIMS
    from harness.report.stored import check_writable

    claims = [claim.id for claim in CLAIMS.select(patterns or [])]
    chosen = _distinct([started(target, cold=cold, host=host) for target in targets or EVERY_KIND])
    for file in filter(None, (json, html)):
        check_writable(file)
    jobs = jobs or len(os.sched_getaffinity(0))
    found, end = _judge(chosen, claims, scheduler=scheduler, jobs=jobs)
    errors = [] if end is None else [end]
    for output in _outputs(found, json=json, html=html):
        try:
            output()
        except BaseException as error:  # what took an hour to find is not to be lost for it
            errors.append(error)
    for later in errors[1:]:
        print(f"binder-harness: {later}", file=sys.stderr)
    if errors:
        raise errors[0]
    raise typer.Exit(found.exit_code)


def _distinct(targets: list[Target]) -> list[str]:
    """Their spelling for documents and other processes; UsageError where one is repeated."""
    names = list(map(str, targets))
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise UsageError(
            f"--target {repeated[0]} is given {names.count(repeated[0])} times: give it once, "
            "for results are listed by target."
        )
    return names


def _judge(
    targets: list[str], claims: list[str], *, scheduler: str | None, jobs: int
) -> tuple[Matrix, BaseException | None]:
    """The matrix, and what broke it off; an error before the first column is raised."""
    from emulator.base.interruption import signal_behind
    from harness.commands.live.matrix_view import matrix_view
    from harness.report.matrix import AN_ERROR, Matrix
    from harness.report.stored import harness_version

    end: BaseException | None = None
    interrupted: str | None = None
    with matrix_view(targets, claims) as view:
        try:
            if scheduler is None:
                from harness.matrix.here import judge_here

                judge_here(targets, claims, jobs=jobs, view=view)
            else:
                from harness.matrix.workers import judge_on_workers

                judge_on_workers(targets, claims, scheduler=scheduler, jobs=jobs, view=view)
        except KeyboardInterrupt as interruption:
            end, interrupted = interruption, signal_behind(interruption).name
        except Exception as error:
            if not view.columns:
                raise
            end, interrupted = error, AN_ERROR
        if end is not None:
            view.end_others(end)
    return Matrix(harness=harness_version(), interrupted=interrupted, columns=view.columns), end


def _outputs(found: Matrix, *, json: Path | None, html: Path | None) -> Iterator[Callable[[], None]]:
    """What shows and writes the matrix."""
    from harness.report import html as html_view
    from harness.report import matrix_table
    from harness.report.terminal import console_for

    yield partial(matrix_table.show, found, console_for(sys.stdout))
    if json is not None:
        yield partial(_write, found.write, json, WITH_ALL_FIGURES)
    if html is not None:
        yield partial(_write, partial(html_view.write, found), html, FOR_BROWSERS)


def _write(write: Callable[[Path], None], path: Path, meant: str) -> None:
    write(path)
    print(f"{meant}: {path}")
