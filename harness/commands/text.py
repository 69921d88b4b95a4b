"""Text and layout that the output of several commands shares."""

from __future__ import annotations

import shutil
import sys
import textwrap

WIDEST = 100
"""Columns of prose at most, and in files and pipes: longer lines are hard to read."""
NARROWEST = 20
"""Columns that a text beside its label gets at least."""


def columns() -> int | None:
    """The width of the terminal; None for a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(text: str, *, indent: int = 0, first: str = "") -> str:
    """`text` in lines as wide as the terminal, of 100 columns at most, indented; no word is broken.

    `first` stands before the first line; where it leaves no blank within `indent`, the text begins below it.
    """
    width = max(min(columns() or WIDEST, WIDEST), indent + NARROWEST)
    fits = not first or len(first) < indent
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=f"{first:<{indent}}" if fits else " " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines if fits else [first.rstrip(), *lines])


def listed(first: str, text: str, *, indent: int) -> str:
    """An entry of a list, with its text from a column on; in a file or a pipe it is one line."""
    return wrapped(text, indent=indent, first=first) if columns() else f"{first:<{indent - 1}} {text}"
