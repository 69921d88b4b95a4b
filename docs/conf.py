"""How Sphinx builds the documentation: `make docs`."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "Binder harness"
author = "the Binder harness contributors"
copyright = author  # noqa: A001 — Sphinx's name for it
version = release = importlib.metadata.version("binder-harness")
html_title = f"{project} {version}"
html_theme = "furo"
html_copy_source = False
exclude_patterns = ["_build"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 3  # so that a link to a section is written as on any page that shows Markdown
myst_enable_extensions = ["colon_fence"]

default_role = "code"  # docstrings put code between single backquotes
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}

nitpicky = True
TYPE_VARIABLES = (
    *("AnyMapping", "Answer", "Argument", "Carrier", "Class", "Entry"),
    *("Kind", "MeasureT", "Process", "Process_co", "Value"),
)
OURS = r"(?!harness\b|emulator\b)"
nitpick_ignore_regex = [
    (r"py:.*", rf"{OURS}.*"),  # other projects' types: their documentation is not at hand where this is built
    (r"py:.*", rf"(?:\w+\.)*(?:{'|'.join(TYPE_VARIABLES)})"),
    (r"py:class", r".*\bAnnotated\[.*"),  # which autodoc takes for a class
]
# `type` in an annotation is taken for any field of that name, too.
suppress_warnings = ["ref.python"]


def as_markup(lines: list[str]) -> list[str]:
    """A docstring in reStructuredText: paragraphs that are Python become code, the rest is plain text."""
    markup: list[str] = []
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(group)
        if blank:
            markup += paragraph
        elif is_code(paragraph):
            markup += [".. code-block:: python", "", *(f"    {line}" for line in paragraph)]
        elif all(line.startswith(" ") for line in paragraph):
            markup += ["::", "", *(f"    {line}" for line in paragraph)]
        else:
            markup += [plain(line) for line in paragraph]
    return markup


def is_code(paragraph: list[str]) -> bool:
    """Whether a paragraph is Python, and more than a word or a name."""
    text = textwrap.dedent("\n".join(paragraph))
    try:
        return bool(ast.parse(text).body) and re.search(r"[(=]", text) is not None
    except SyntaxError:
        return False


def plain(line: str) -> str:
    """A line in which nothing but single backquotes means anything."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([*|_\\])", r"\\\1", part) for part in parts)


def on_docstring(*event: Any) -> None:
    """Change the lines of a docstring, which come last in Sphinx's event."""
    lines = event[-1]
    lines[:] = as_markup(lines)


def on_signature(*event: Any) -> tuple[str, None] | None:
    """Leave out the parameters of a dataclass that has a default without a form in Python."""
    _app, what, _name, _object, _options, signature, _returns = event
    return ("", None) if what == "class" and " = <" in (signature or "") else None


def on_source(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Link to the site's own pages of the files that lie beside docs/."""
    for name in ("CONTRIBUTING", "CHANGELOG"):
        source[0] = source[0].replace(f"](../{name}.md", f"](project/{name.lower()}.md")


def setup(app: Sphinx) -> None:
    """Have them called; Sphinx's entry."""
    app.connect("autodoc-process-docstring", on_docstring)
    app.connect("autodoc-process-signature", on_signature)
    app.connect("source-read", on_source)
