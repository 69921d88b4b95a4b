"""The table of formats: the name of each, what it is for, how its files are called, and who renders it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from emulator.base.errors import UsageError, did_you_mean
from harness.experiments.core.json_values import to_json
from harness.report.formats.report import Report


@dataclass(frozen=True, slots=True)
class Format:
    """A form of the results."""

    name: str
    label: str
    """What a file of this format is, for whoever is told that it was written."""
    suffixes: tuple[str, ...]
    """The endings of file names from which it is recognised."""
    module: str = ""
    """Where its `render` is; a format is imported when it is used."""

    def render(self, report: Report) -> str:
        """The text of a file."""
        if not self.module:
            return json.dumps(to_json(report.content), indent=2, ensure_ascii=False) + "\n"
        return cast(Callable[[Report], str], import_module(self.module).render)(report)


FORMATS = {
    entry.name: entry
    for entry in (
        Format("json", "All results with their figures", (".json",)),
        Format("junit", "Results for CI, as JUnit XML", (".xml",), "harness.report.formats.junit"),
        Format("ktap", "Results for kernel CI, as KTAP", (".ktap", ".tap"), "harness.report.formats.ktap"),
        Format("markdown", "Summary in Markdown", (".md",), "harness.report.formats.markdown"),
        Format("html", "Page for browsers", (".html", ".htm"), "harness.report.page.html"),
    )
}


def format_named(name: str) -> Format:
    """The format of this name; UsageError, with all names, for any other."""
    if name not in FORMATS:
        near = did_you_mean(name, FORMATS)
        raise UsageError(f"--format: there is no format {name!r}.{near} Formats: {', '.join(FORMATS)}.")
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format that a file's name ends in; UsageError, with what to do, for any other name."""
    found = [entry for entry in FORMATS.values() if path.suffix.lower() in entry.suffixes]
    if not found:
        raise UsageError(
            f"-o {path}: its ending names no format. Give --format, one of {', '.join(FORMATS)}, or a name "
            f"that ends in {', '.join(entry.suffixes[0] for entry in FORMATS.values())}."
        )
    return found[0]
