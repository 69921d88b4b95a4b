"""`explain-error`: says what an error of Binder means."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from emulator.base.errors import UsageError, did_you_mean
from emulator.base.printable import show
from harness.commands.text import wrapped

STANDARD_INPUT = "-"
_INDENT = 15
app = typer.Typer(add_completion=False, rich_markup_mode=None)
"""The command: it takes an errno such as -95 for what it is."""


@app.command("explain-error", context_settings={"ignore_unknown_options": True})
def explain_error(
    words: Annotated[
        list[str], typer.Argument(metavar="ERROR", help="A line or a code; - is standard input.")
    ],
) -> None:
    """Explain an error of Binder: a line of a log, an exception, a code.

    \b
    binder-harness explain-error 29201/-28
    binder-harness explain-error 'transaction failed 29189/-22, size 0-0'
    binder-harness explain-error 'TransactionTooLargeException: … 521984 bytes'
    binder-harness explain-error - < dmesg.txt

    For each: what it means, which process is at fault, what decides it, what to look at
    next, and which claims measure it (binder-harness explain CLAIM).
    """
    from harness.framework.dumps.processes import ProcessNames
    from harness.inspect.errors.codes import known_names
    from harness.inspect.errors.lines import explain
    from harness.inspect.findings import at_fault

    text = sys.stdin.read() if words == [STANDARD_INPUT] else " ".join(words)
    found = explain(text)
    if not found:
        word = re.search(r"\b[A-Z][A-Z_]{3,}\b", text)
        near = did_you_mean(word[0], known_names()) if word else ""
        raise UsageError(
            f"No error of Binder was recognised in {text.strip()[:200]!r}.{near} Such as these are: "
            "29201/-28, BR_FROZEN_REPLY, -95, "
            "`binder: 270:275 transaction failed 29189/-22, size 0-0 line 3146`, "
            "`binder_alloc_buf size 66168 failed, no address space`."
        )
    for number, explanation in enumerate(found):
        if number:
            show()
        show(wrapped(explanation.error))
        for label, value in (
            ("means", explanation.meaning),
            ("at fault", at_fault(explanation, ProcessNames())),
            ("decided by", explanation.decided_by),
            ("look at", explanation.look_at),
            ("measured by", ", ".join(explanation.claims)),
        ):
            if value:
                show(wrapped(value, indent=_INDENT, first=f"  {label}:"))
