"""`verify`: judges claims on a device by running pytest on them, with its own view."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from emulator.base.errors import ExitCode, interruption_behind
from emulator.base.interruption import mark_shown, received, signal_behind
from emulator.base.printable import show
from harness.commands.claims.jobs import Jobs, clones_of
from harness.commands.claims.outputs import Html, Junit, OutputFile, OutputFormat, Outputs, attempt_all
from harness.commands.options import (
    ClaimsOrAll,
    ClaimSources,
    Cold,
    Host,
    Java,
    Kernel,
    Target,
    java_is_asked_for,
    naming_option,
    with_start_options,
)
from harness.matrix.selection import Selection

if TYPE_CHECKING:
    from harness.commands.claims.live.verify_view import VerifyView
    from harness.experiments.core.claim import Claim
    from harness.matrix.clones import Clones
    from harness.report.run import Run

PYTEST_ARGUMENTS = "pytest arguments"


class WithPytestArguments(typer.core.TyperCommand):
    """A command that passes what follows `--` to pytest."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Store what follows `--` in the context."""
        if "--" in args:
            index = args.index("--")
            ctx.meta[PYTEST_ARGUMENTS] = args[index + 1 :]
            args = args[:index]
        return super().parse_args(ctx, args)


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("verify", cls=WithPytestArguments)
def verify(
    context: typer.Context,
    patterns: ClaimsOrAll = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    kernel: Kernel = None,
    sources: ClaimSources = None,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            envvar="BINDER_HARNESS_JSON",
            help="Write the results, with all figures, to FILE.",
        ),
    ] = None,
    junit: Junit = None,
    html: Html = None,
    format_: OutputFormat = None,
    output: OutputFile = None,
    accounts: Annotated[
        bool,
        typer.Option(
            "-v", "--verbose", help="Show of each claim what was measured, and what is true where it is not."
        ),
    ] = False,
    jobs: Jobs = None,
    java: Java = None,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS",
            envvar="BINDER_HARNESS_TIME_LIMIT",
            help="How long one claim may take; default: the claim's own limit.",
        ),
    ] = None,
) -> None:
    """Judge claims on a device, and show what was measured.

    \b
    binder-harness verify                       all claims, on a device of its own
    binder-harness verify mmap copy.binder-one  the claims on mmap, and one more
    binder-harness verify mmap -v               what was measured, what is true
    binder-harness verify -j 1                  all one by one, on one device
    binder-harness verify --json results.json   also write all figures to a file
    binder-harness verify --format ktap         in another form
    binder-harness verify --claims own.py       with claims of your own
    binder-harness verify -- -x --lf            pass what follows -- to pytest
    """
    from harness.experiments.core.claim import CLAIMS
    from harness.experiments.core.loading import load_claims
    from harness.experiments.core.time_limit import seconds_in
    from harness.report.journal import prepare

    added = load_claims(sources or ())
    claims = CLAIMS.select(patterns or [])
    chosen = with_start_options(target, cold=cold, host=host, kernel=kernel)
    arguments = [f"--binder-target={chosen}"]
    outputs = Outputs.of(format_, output, json=json, junit=junit, html=html)
    if outputs.journaled is not None:
        prepare(outputs.journaled)
        arguments.append(f"--binder-json={outputs.journaled.absolute()}")
    if time_limit is not None:
        with naming_option("--time-limit (or BINDER_HARNESS_TIME_LIMIT)"):
            seconds_in(time_limit)
        arguments.append(f"--binder-time-limit={time_limit}")
    java = java_is_asked_for(patterns, java)
    arguments.append(f"--binder-java={'yes' if java else 'no'}")
    arguments += [f"--binder-claims={source}" for source in added]  # for the workers of pytest-xdist
    arguments += context.meta.get(PYTEST_ARGUMENTS, [])
    selection = Selection([claim.id for claim in claims], added, java=java, time_limit=time_limit)
    with clones_of(chosen, selection, jobs) as clones:
        view, status = _judge(claims, arguments, clones)
        run = view.run  # shown while the clones are closed
        if run is not None and view.interruption is not None and run.interrupted is None:
            # It came after pytest had written the results, as while the device was being closed.
            run.interrupted = signal_behind(view.interruption).name
            if outputs.journaled is not None:
                run.document().write(outputs.journaled)
        if run is not None and (run.results or run.failures or run.interrupted):
            actions = _actions(view, run, outputs, accounts=accounts)
            if context.find_root().params["debug"]:
                actions.append(partial(_show_tracebacks, run))
            attempt_all(actions, view.interruption)
        else:
            show(view.pytest_output.getvalue(), end="")
    if view.interruption is not None:
        raise view.interruption
    raise typer.Exit(_exit_code(run, status))


def _actions(view: VerifyView, run: Run, outputs: Outputs, *, accounts: bool) -> list[Callable[[], None]]:
    """What shows and writes the results."""
    from harness.report.formats.report import Report

    report = Report(run.document(), tuple(run.failures))
    writing = outputs.writing(report, journaled=partial(_check_written, view))
    show_table = partial(_show_results, view, run, accounts=accounts, table=not outputs.to_stdout)
    return [show_table, *writing]


def _check_written(view: VerifyView) -> None:
    """Raise the error with which the run's own document could not be written."""
    if view.write_error is not None:
        raise view.write_error


def _judge(claims: list[Claim], arguments: list[str], clones: Clones | None) -> tuple[VerifyView, int]:
    """Run pytest on the claims; return its view, with any interruption, and its exit status."""
    import pytest

    import harness.experiments
    from emulator.cache.root import cache_root
    from harness.commands.claims.live.verify_view import verify_view

    package = Path(harness.experiments.__path__[0])
    options = [
        # No configuration file: the user's own tests are not part of this run.
        *("-c", os.devnull, f"--rootdir={package.parent.parent}"),
        *("-o", f"cache_dir={cache_root() / 'pytest'}"),
        # By module name, because the package may not be installed with its entry point.
        *(
            "-p",
            "no:binder_harness",
            "-p",
            "harness.plugin.plugin",
            "-p",
            "harness.commands.claims.live.verify_workers",
        ),
        # Rewriting assert statements and loading hypothesis take half of the time of a short run, and no
        # claim uses either.
        *("--assert=plain", "-p", "no:hypothesispytest"),
    ]
    # At its end, pytest collects garbage twice, and among the modules, which are most objects, there is none.
    gc.freeze()
    chosen = [f"{package / 'test_claims.py'}::test_claim[{claim.id}]" for claim in claims]
    with verify_view([claim.id for claim in claims]) as view:
        plugins: list[object] = [view] if clones is None else [view, clones]
        try:
            status = int(pytest.main([*options, *arguments, *chosen], plugins=plugins))
        except BaseException as error:
            view.interruption = interruption_behind(error)
            if view.interruption is None:
                raise
            status = pytest.ExitCode.INTERRUPTED
    view.interruption = view.interruption or received()
    return view, status


def _show_results(view: VerifyView, run: Run, *, accounts: bool, table: bool) -> None:
    from harness.experiments.core.finding import Verdict
    from harness.report.page.reproduction import verify_arguments
    from harness.report.terminal import results
    from harness.report.terminal.console import console_for

    document = run.document()
    if table and (document.claims or document.interrupted):  # else the reason, below, is all there is
        results.show(document, console_for(sys.stdout), accounts=accounts)
        if document.interrupted:
            mark_shown()
    for result in document.claims:
        if result.verdict is Verdict.ERROR:
            again = verify_arguments(result.id, document.target)
            show(f"To see the traceback: binder-harness --debug verify {again}", errors=not table)
    shown = {result.reason for result in document.claims}
    if view.write_error is not None:  # it is raised when that file has its turn
        shown.add(str(view.write_error))
    for failure in run.failures:
        if failure.message not in shown:
            show(f"binder-harness: {failure.message}", errors=True)


def _show_tracebacks(run: Run) -> None:
    for result in run.results.values():
        if result.traceback:
            show(f"\n{result.id}\n{result.traceback}", end="", errors=True)


def _exit_code(run: Run | None, status: int) -> int:
    """The run's exit code; where no claim was judged, the one for pytest's status."""
    import pytest

    if run is not None and run.exit_code:
        return run.exit_code
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        return ExitCode.USAGE
    return ExitCode.AS_EXPECTED if status == pytest.ExitCode.OK else ExitCode.UNEXPECTED
