"""Words and layout that several commands share in what they print."""

from __future__ import annotations

import textwrap

WIDTH = 100

WITH_ALL_FIGURES = "All results with their figures"
"""What a JSON file holds that was written, before its name."""
FOR_BROWSERS = "To be read in a browser"
"""What an HTML file is for."""


def labelled(label: str, text: str, *, indent: int) -> str:
    """`text` in lines of at most 100 columns, `indent` columns in, the label before the first."""
    return textwrap.fill(text, WIDTH, initial_indent=f"{label:<{indent}}", subsequent_indent=" " * indent)
