"""Lays out what commands print: a label, and text that is wrapped beside it."""

from __future__ import annotations

import textwrap

WIDTH = 100


def labelled(label: str, text: str, *, indent: int) -> str:
    """`text` in lines of at most 100 columns, `indent` columns in, the label before the first."""
    return textwrap.fill(text, WIDTH, initial_indent=f"{label:<{indent}}", subsequent_indent=" " * indent)
