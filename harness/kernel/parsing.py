"""What the parsers of kernel text share: one error that names file and line, and one way to match lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.base.errors import HarnessError

KIB = 1024


class MalformedFileError(HarnessError, ValueError):
    """A kernel file does not have the form its parser knows; the message names the file and the line."""

    def __init__(self, path: str, number: int, line: str, form: str) -> None:
        super().__init__(
            f"{path}, line {number}: {line!r} does not have the form {form!r}. "
            "This kernel prints the file in a way the harness does not know; please report it with this line."
        )
        self.path = path
        self.number = number
        self.line = line


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, counted from 1 as an editor would.

    Lines end at newlines alone: a path or a task name may hold any of the other characters that
    `str.splitlines` would break at.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line


def matched_lines(
    pattern: re.Pattern[str], text: str, *, path: str, form: str, skip: int = 0
) -> Iterator[re.Match[str]]:
    """Match every line that is not blank, after `skip` lines of heading, with the whole of `pattern`.

    Raises MalformedFileError, naming `path`, the line and the expected `form`.
    """
    for number, line in numbered_lines(text):
        if number > skip:
            match = pattern.fullmatch(line)
            if match is None:
                raise MalformedFileError(path, number, line, form)
            yield match


def to_bytes(figure: str) -> int | None:
    """The bytes in a figure such as `     12 kB`; None where it is no such figure."""
    match = re.fullmatch(r"\s*(\d+) kB\s*", figure)
    return int(match[1]) * KIB if match else None
