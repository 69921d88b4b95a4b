"""What the parsers of kernel text share: an error that names file and line, and line matching."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.base.errors import HarnessError
from emulator.base.lines import without_long_numbers

KIB = 1024


class MalformedFileError(HarnessError, ValueError):
    """A kernel file has an unexpected format; the message names the file and the line."""

    def __init__(self, path: str, number: int, line: str, form: str) -> None:
        super().__init__(
            f"{path}, line {number}: expected {form!r}, found {line!r}. "
            "The harness does not know this kernel's format of the file; please report it with this line."
        )
        self.path = path
        self.number = number
        self.line = line


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1, as editors count them.

    A carriage return before the newline is not part of the line: old adb and Windows put it there. Only
    newlines end lines: a path or a task name may contain any of the other characters at which
    `str.splitlines` breaks.
    """
    for number, line in enumerate(without_long_numbers(text).split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def matched_lines(
    pattern: re.Pattern[str], text: str, *, path: str, form: str, skip: int = 0
) -> Iterator[re.Match[str]]:
    """Match each line that is not blank with all of `pattern`, after `skip` heading lines.

    Raises MalformedFileError, naming `path`, the line and the expected `form`.
    """
    for number, line in numbered_lines(text):
        if number > skip:
            match = pattern.fullmatch(line)
            if match is None:
                raise MalformedFileError(path, number, line, form)
            yield match


def to_bytes(figure: str) -> int | None:
    """The bytes in a value such as `     12 kB`; None if it is no such value."""
    match = re.fullmatch(r"\s*(\d+) kB\s*", figure)
    return int(match[1]) * KIB if match else None


def only_line(pattern: re.Pattern[str], text: str, *, path: str, form: str) -> re.Match[str]:
    """Match a file that has one line with all of `pattern`; MalformedFileError, as above, for any other."""
    matches = list(matched_lines(pattern, text, path=path, form=form))
    if len(matches) != 1:
        raise MalformedFileError(path, max(1, len(matches)), matches[-1][0] if matches else "", form)
    return matches[0]
