"""Splits what a pipe, socket or file delivers in chunks into lines of text."""

from __future__ import annotations

import re

LONGEST_LINE = 64 * 1024
"""Bytes: of a longer line, pieces of this length are lines of their own."""
_TOO_LONG = re.compile(r"([\da-fA-F]{1000})[\da-fA-F]+")


class LineSplitter:
    """Takes bytes chunk by chunk and gives each line once it is complete, without its newline.

    Only a newline ends a line, or 64 KiB without one: a device may never write any. Bytes that are no UTF-8
    are replaced; those of one character may arrive in several chunks.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        pieces = [piece for line in lines for piece in _pieces(line)]
        *whole, self._rest = _pieces(self._rest)
        return list(map(_text, pieces + whole))

    def finish(self) -> list[str]:
        """The last line, if it has no newline, once the input has ended."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def without_long_numbers(text: str) -> str:
    """The text with an ellipsis for all digits of a number, decimal or hexadecimal, after the first 1,000.

    Nothing has such a number. Python neither reads nor prints one of more than 4,300 decimal digits.
    """
    return _TOO_LONG.sub(r"\1…", text)


def last_lines(text: str, count: int = 15) -> str:
    """The end of a program's output, short enough for an error message."""
    return "\n".join(text.strip().splitlines()[-count:])


def _pieces(line: bytes) -> list[bytes]:
    if len(line) <= LONGEST_LINE:
        return [line]
    return [line[start : start + LONGEST_LINE] for start in range(0, len(line), LONGEST_LINE)]


def _text(line: bytes) -> str:
    return line.decode(errors="replace")
