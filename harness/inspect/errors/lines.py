"""What an error in a line of text means, whatever kind of line it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from emulator.base.lines import without_long_numbers
from harness.binder.refusals.space import no_space
from harness.framework.dumps.log_lines import meaning_of
from harness.framework.dumps.processes import ProcessNames
from harness.inspect.errors.codes import (
    FAILURE,
    IN_LOGS,
    OF_CMD,
    PAIR,
    RETURN,
    explain_code,
    explain_exception,
)
from harness.inspect.errors.explanation import Explanation, explanation
from harness.inspect.errors.messages import explain_entry, explain_message
from harness.kernel.binder_debug.kernel_log import KernelMessage, MessageKind, parse_message, with_next_line
from harness.kernel.binder_debug.transaction_log import parse_transaction_log

_TOO_LARGE = re.compile(
    r"TransactionTooLargeException(?:.*?(?P<size>\d[\d,]*) bytes)?|"
    r"FAILED BINDER TRANSACTION(?:.*?parcel size = (?P<parcel>\d+))?"
)
_SIZE = re.compile(r"(?P<size>\d[\d,]*) bytes")
_WORDS = (
    (MessageKind.NO_ADDRESS_SPACE, re.compile(r"no address space")),
    (MessageKind.NO_ONEWAY_SPACE, re.compile(r"no async space")),
    (MessageKind.NO_MAPPING, re.compile(r"\bno vma\b")),
)


def explain(text: str, names: ProcessNames | None = None) -> tuple[Explanation, ...]:
    """Every error of Binder in a text of any number of lines; none where there is none."""
    lines = [line.strip() for line in without_long_numbers(text).splitlines() if line.strip()]
    return tuple(found for line in _rejoined(lines) if (found := explain_line(line, names)))


def _rejoined(lines: list[str]) -> Iterator[str]:
    """The lines, those of the driver that were broken in two as one."""
    rest = iter(lines)
    line = next(rest, None)
    while line is not None:
        following = next(rest, None)
        message = parse_message(line) if following is not None else None
        whole = with_next_line(message, following or "") if message else None
        if whole:
            line, following = whole.text, next(rest, None)
        yield line
        line = following


def explain_line(line: str, names: ProcessNames | None = None, *, alone: bool = True) -> Explanation | None:
    """The error in one line: the kernel's message, an entry of a log, an exception, a code.

    Not `alone` it is one of a longer text, in which a number or the name of an errno is of anything.
    """
    names = names or ProcessNames()
    if (message := parse_message(line)) and (found := explain_message(message, names)):
        return found
    if entries := parse_transaction_log(line).entries:
        return explain_entry(entries[0], names)
    if match := _TOO_LARGE.search(line):
        digits = match["size"] or match["parcel"] or ((size := _SIZE.search(line)) and size["size"])
        return _too_large(line, int(digits.replace(",", "")) if digits else None)
    if known := meaning_of(line):
        return explanation(line, known)
    for kind, words in _WORDS:
        if words.search(line):
            return explain_message(KernelMessage(kind, line), names)
    pair = PAIR.search(line)
    if (
        alone
        or (pair and pair["error"])
        or ("_REPLY" in line and RETURN.search(line))
        or FAILURE.search(line)
        or OF_CMD.search(line)
    ):
        return explain_code(line)
    return explain_exception(line) if IN_LOGS.search(line) else None


def _too_large(line: str, size: int | None) -> Explanation:
    entry = no_space(size, None)
    why = (
        "Java raises it for every transaction of more than 200 KiB that fails, whatever the reason was "
        "(android_util_Binder.cpp), and DeadObjectException for smaller ones. Where it is the size, "
    )
    return explanation(line, replace(entry, meaning=f"{why}{entry.meaning}"))
