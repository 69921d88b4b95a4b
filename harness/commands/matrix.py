"""`matrix`: judges claims on several devices, and shows where these differ."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from emulator.errors import UsageError
from harness.commands.options import CLAIM_HELP, Cold, Host, Html, started

EVERY_KIND = (
    "embedded?kernel=6.1",
    "embedded",
    "embedded?arch=arm64",
    "embedded?arch=arm64&pages=16k",
)
"""An old kernel and a new one, two architectures, two page sizes."""


def matrix(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLAIM", help=f"{CLAIM_HELP} None means all."),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "--targets",
            metavar="TARGET",
            help=f"A device; give it for each of them. Without it: {', '.join(EVERY_KIND)}.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j", "--jobs", min=1, metavar="N", help="Devices at a time; without it, one for each processor."
        ),
    ] = None,
    cold: Cold = False,
    host: Host = None,
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
        Path | None, typer.Option("--json", metavar="FILE", help="Write the results of all devices there.")
    ] = None,
    html: Html = None,
) -> None:
    """Judge claims on several devices, and show where these differ.

    \b
    binder-harness matrix                        two kernels, two architectures, two page sizes
    binder-harness matrix limit -j 1 --json matrix.json --html matrix.html
    binder-harness matrix --target embedded --target adb:SERIAL
    binder-harness matrix --scheduler tcp://build-server:8786

    A device that cannot be had is a column that says why. The exit status is the gravest of the devices'.
    """
    from emulator.target import parse_target
    from harness.claims.claim import CLAIMS
    from harness.commands.matrix_view import matrix_view
    from harness.report import html as html_view
    from harness.report import matrix_table
    from harness.report.interruption import signal_behind
    from harness.report.matrix import Matrix
    from harness.report.stored import check_writable, harness_version
    from harness.report.terminal import console_for

    claims = [claim.id for claim in CLAIMS.select(patterns or [])]
    chosen = [started(target, cold=cold, host=host) for target in targets or EVERY_KIND]
    names = [str(parse_target(target)) for target in chosen]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise UsageError(
            f"--target {repeated[0]} is given {names.count(repeated[0])} times: give it once, "
            "for the results of a device are told by its target."
        )
    for file in filter(None, (json, html)):
        check_writable(file)
    jobs = jobs or len(os.sched_getaffinity(0))
    errors: list[BaseException] = []
    with matrix_view(names, claims) as view:
        try:
            if scheduler is None:
                from harness.matrix.here import judge_here

                judge_here(names, claims, jobs=jobs, listener=view)
            else:
                from harness.matrix.workers import judge_on_workers

                judge_on_workers(names, claims, scheduler=scheduler, jobs=jobs, listener=view)
        except BaseException as error:
            if not (view.columns or isinstance(error, KeyboardInterrupt)):
                raise
            errors.append(error)
            view.end_others(signal_behind(error))
    found = Matrix(
        harness=harness_version(),
        interrupted=signal_behind(errors[0]).name if errors else None,
        columns=view.columns,
    )
    outputs: list[Callable[[], None]] = [partial(matrix_table.show, found, console_for(sys.stdout))]
    if json is not None:
        outputs.append(partial(_write, found.write, json, "All of it, with the evidence"))
    if html is not None:
        outputs.append(partial(_write, partial(html_view.write, found), html, "To be read in a browser"))
    for output in outputs:  # each though another fails: what took an hour to find is not to be lost
        try:
            output()
        except BaseException as error:
            errors.append(error)
    for later in errors[1:]:
        print(f"binder-harness: {later}", file=sys.stderr)
    if errors:
        raise errors[0]
    raise typer.Exit(found.exit_code)


def _write(write: Callable[[Path], None], path: Path, meant: str) -> None:
    write(path)
    print(f"{meant}: {path}")
