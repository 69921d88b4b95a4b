"""The command line: its commands, its messages for errors, and its exit status."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from emulator.base.errors import ExitCode, HarnessError, interruption_behind
from emulator.base.interruption import raise_on_signals, received, signal_behind, status_after
from emulator.base.printable import PrintableFormatter, show
from harness.commands.table import LazyGroup

PACKAGES = ("emulator", "harness")
"""The packages that log."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""The errors of writing to a full disk."""


class Commands(LazyGroup):
    """The commands; an error becomes a message and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except (HarnessError, OSError, KeyboardInterrupt) as error:
            if ctx.params["debug"]:
                show(traceback.format_exc(), end="", errors=True)
            if interruption_behind(error) is not None:
                raise  # to main(), which ends all that is interrupted
            if isinstance(error, HarnessError):
                show(f"binder-harness: {error}", errors=True)
                raise typer.Exit(error.exit_code) from error
            if not isinstance(error, OSError) or error.errno not in DISK_FULL:
                raise
            show(f"binder-harness: {error.strerror}: free some space, or write to another disk.", errors=True)
            # Python would try at exit to write the rest of the output, and fail again.
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


def _print_version(enabled: bool) -> None:
    if enabled:
        from harness.report.stored import harness_version

        show(f"binder-harness {harness_version()}")
        raise typer.Exit


def _log(verbosity: int) -> None:
    """Show the packages' log: at -v long steps and QEMU's command line, at -vv every request, too."""
    if verbosity:
        # A copy of standard error: while a test runs, pytest captures the original.
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, errors="replace")
        handler = logging.StreamHandler(stream)
        handler.setFormatter(PrintableFormatter("%(relativeCreated)8.0f ms  %(name)s: %(message)s"))
        logging.basicConfig(handlers=[handler], level=logging.WARNING)
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
    binder-harness repl                   try Binder on a booted device, in Python

    Exit status: 0 all as expected, 1 unexpected result or other failure, 2 wrong usage,
    3 device lost, 4 something is missing on this machine, 128 + N ended by signal N (130: Ctrl-C).
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; it cleans up after errors, Ctrl-C, SIGTERM and a closed terminal, too.

    `arguments` are those of the process unless given.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        raise_on_signals()
        app(arguments, prog_name="binder-harness")
    except BaseException as error:  # such as SystemExit, or what a clean-up raised after the interruption
        interruption = interruption_behind(error) or received()
        if interruption is not None:
            signal_sent = signal_behind(interruption)
            show(f"binder-harness: ended by {signal_sent.name}", errors=True)
            sys.exit(status_after(signal_sent))
        if not isinstance(error, Exception):
            raise
        show(traceback.format_exc(), end="", errors=True)  # a mistake of ours; Python would show it as it is
        raise SystemExit(ExitCode.UNEXPECTED) from error
