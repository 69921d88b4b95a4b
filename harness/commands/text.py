"""Text and layout that the output of several commands shares."""

from __future__ import annotations

import textwrap

WIDTH = 100

JSON_FILE = "All results with their figures"
"""The label of a JSON file that was written."""
HTML_FILE = "Page for browsers"
"""The label of an HTML file that was written."""


def labelled(label: str, text: str, *, indent: int) -> str:
    """`text` in lines of at most 100 columns, indented by `indent`, with a label on the first line."""
    return textwrap.fill(text, WIDTH, initial_indent=f"{label:<{indent}}", subsequent_indent=" " * indent)
