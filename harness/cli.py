"""The command line: what it offers, and how it ends."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import traceback
from typing import Annotated, Any

import typer
import typer.core

from emulator.base.errors import ExitCode, HarnessError, interruption_behind
from emulator.base.interruption import raise_on_signals, signal_behind, status_after
from harness.commands import (
    boot,
    cache,
    catalogue,
    devices,
    diff,
    doctor,
    interactive,
    judge,
    matrix,
    measure,
    verify,
)

PACKAGES = ("emulator", "harness")
"""The packages that log."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""How writing fails where a disk is full."""


class Commands(typer.core.TyperGroup):
    """The commands; their errors become one readable message and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (HarnessError, OSError, KeyboardInterrupt) as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            interruption = interruption_behind(error)
            if interruption is not None:
                sent = signal_behind(interruption)
                print(f"binder-harness: ended by {sent.name}", file=sys.stderr)
                raise typer.Exit(status_after(sent)) from error
            if isinstance(error, HarnessError):
                print(f"binder-harness: {error}", file=sys.stderr)
                raise typer.Exit(error.exit_code) from error
            if not isinstance(error, OSError) or error.errno not in FULL:
                raise
            print(f"binder-harness: {error.strerror}: make room, or write elsewhere.", file=sys.stderr)
            # What is left of the output is not tried again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.UNEXPECTED) from error


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=verify.WithPytestArguments)(verify.verify)
app.command()(matrix.matrix)
app.command()(diff.diff)
app.command()(judge.judge)
app.command("list")(catalogue.list_claims)
app.command()(catalogue.explain)
app.command()(measure.measure)
app.command()(doctor.doctor)
app.command()(devices.devices)
app.command()(cache.cache)
app.command(context_settings=interactive.TAKES_ANY_ARGUMENT)(interactive.shell)
app.command()(interactive.repl)
app.command()(boot.boot)


def _print_version(wanted: bool) -> None:
    if wanted:
        from harness.report.stored import harness_version

        print(f"binder-harness {harness_version()}")
        raise typer.Exit


def _log(verbosity: int) -> None:
    """Show what the packages log: once given, long steps and QEMU's command line; twice, every request."""
    if verbosity:
        logging.basicConfig(
            stream=sys.stderr,
            format="%(relativeCreated)8.0f ms  %(name)s: %(message)s",
            level=logging.WARNING,
        )
        for package in PACKAGES:
            logging.getLogger(package).setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)


@app.callback()
def binder_harness(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="BINDER_HARNESS_DEBUG", help="Show tracebacks of errors.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            callback=_log,
            show_default=False,
            help="Log long steps and QEMU's command line; -vv: every adb request and command, too.",
        ),
    ] = 0,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version.")
    ] = False,
) -> None:
    """Check what people say about Android's Binder against what a running kernel shows.

    \b
    binder-harness verify                 judge all claims on a device booted for it
    binder-harness explain mmap.once      what a claim states and how it is tested
    binder-harness repl                   try your own on a booted device, in Python

    Exit status: 0 all as expected, 1 something unexpected or another failure, 2 wrong usage,
    3 device lost, 4 something is missing on this machine, 128 + N ended by signal N (130 by Ctrl-C).
    """


def main() -> None:
    """Run the command line; an ordinary end, an error, Ctrl-C, SIGTERM and a closed terminal all clean up."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    raise_on_signals()
    app(prog_name="binder-harness")
