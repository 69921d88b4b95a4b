"""The commands, what is common to all of them, and the message and exit status of an error."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from typing import Annotated, Any

import typer

from emulator.base.errors import ExitCode, HarnessError, interruption_behind, reason_of
from emulator.base.printable import PrintableFormatter, show
from harness.commands.table import LazyGroup

PACKAGES = ("emulator", "harness")
"""The packages that log."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""The errors of writing to a full disk."""
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
"""The errors of a file or directory that may not be read or written."""


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
                raise  # to cli.main(), which ends all that is interrupted
            if isinstance(error, HarnessError):
                show(f"binder-harness: {error}", errors=True)
                raise typer.Exit(error.exit_code) from error
            if isinstance(error, OSError) and error.errno not in DISK_FULL and error.filename is not None:
                fix = ", or use an account that may use this one" if error.errno in DENIED else ""
                show(
                    f"binder-harness: {error.filename}: {reason_of(error)}. Give another place{fix}. "
                    "(--debug shows where this failed.)",
                    errors=True,
                )
                raise typer.Exit(ExitCode.SETUP_MISSING) from error
            if isinstance(error, FileNotFoundError) and not _is_somewhere():
                show("binder-harness: The current directory was removed: change to another.", errors=True)
                raise typer.Exit(ExitCode.USAGE) from error
            if not isinstance(error, OSError) or error.errno not in DISK_FULL:
                raise
            show(
                f"binder-harness: {reason_of(error)}: free some space, or write to another disk.", errors=True
            )
            # Python would try at exit to write the rest of the output, and fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.UNEXPECTED) from error


def _is_somewhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


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
