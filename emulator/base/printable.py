"""Makes a text from a device, a host or a file safe for a terminal, and prints it.

A terminal obeys escape sequences (ECMA-48): they change its title, clear it, or have it type. Overrides of
the direction of writing (Unicode's UAX #9) show a name in another order. A lone surrogate has no encoding.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TextIO

UNPRINTABLE = re.compile(r"[^\x20-\x7e\n\t]")
"""The characters to look at more closely; a newline and a tab are layout."""


def printable(text: str) -> str:
    r"""The text, with `\u001b` for an escape character, and the like for every other that is not printable.

    That is what Unicode has as control, format, private, unassigned, surrogate or separator characters.
    Newlines and tabs stay. These are JSON's escapes, so JSON made printable has the same value.
    """
    return UNPRINTABLE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


def show(text: object = "", *, end: str = "\n", errors: bool = False, flush: bool = False) -> None:
    """Print a text, made printable, to standard output, or with `errors` to standard error."""
    # Looked up with each call, for it may have been redirected.
    stream: TextIO = sys.stderr if errors else sys.stdout
    print(printable(str(text)), end=end, file=stream, flush=flush)


class PrintableFormatter(logging.Formatter):
    """A formatter of log records that makes each of them printable."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return printable(super().format(record))
