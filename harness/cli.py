"""The command line as a program: it handles signals before anything slow is imported."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from emulator.base.interruption import raise_on_signals, received, signal_behind, status_after


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; it cleans up after errors, Ctrl-C, SIGTERM and a closed terminal, too.

    `arguments` are those of the process unless given.
    """
    try:
        _open_closed_streams()
        raise_on_signals()
        _run(arguments)
    except BaseException as error:  # such as SystemExit, or what a clean-up raised after the interruption
        from emulator.base.errors import ExitCode, interruption_behind
        from emulator.base.printable import show

        interruption = interruption_behind(error) or received()
        if interruption is not None:
            signal_sent = signal_behind(interruption)
            if not (getattr(interruption, "shown", False) and sys.stdout.isatty()):
                show(f"binder-harness: ended by {signal_sent.name}", errors=True)
            sys.exit(status_after(signal_sent))
        if not isinstance(error, Exception):
            raise
        import traceback

        show(traceback.format_exc(), end="", errors=True)  # a mistake of ours; Python would show it as it is
        raise SystemExit(ExitCode.UNEXPECTED) from error


def _open_closed_streams() -> None:
    """Have what is written to a stream that the caller closed (`>&-`, some daemons) go nowhere.

    Python has None in its place, and the next file that is opened gets its descriptor.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _run(arguments: Sequence[str] | None) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    from harness.app import app

    if "_BINDER_HARNESS_COMPLETE" in os.environ:  # the shell asks: see harness.commands.completion
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    words = list(sys.argv[1:] if arguments is None else arguments)
    # `help COMMAND`, as many programs have it, is `COMMAND --help`.
    app([*words[1:], "--help"] if words[:1] == ["help"] else words, prog_name="binder-harness")
