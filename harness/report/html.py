"""Shows a result document, or a matrix, as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import jinja2
from markupsafe import Markup

from harness.experiments.core.claim import shown
from harness.experiments.core.json_values import Json
from harness.experiments.core.judge import Result
from harness.report import stored
from harness.report.comparison import Row, differing_facts, rows_of, said
from harness.report.diagram import diagram_of
from harness.report.document import Document
from harness.report.labels import described, short_names
from harness.report.matrix import Matrix
from harness.report.matrix_table import FIGURES_IN_CELLS, conclusion
from harness.report.sentences import common, lasting
from harness.report.terminal import STYLES, counted, summary

LINE = 100
EntryT = TypeVar("EntryT", Result, Row)


def write(shown_document: Document | Matrix, path: Path) -> None:
    """Write the file, whole or not at all; UsageError where that cannot be done."""
    stored.write_text(page(shown_document), path)


def page(shown_document: Document | Matrix) -> str:
    """The file's text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "described": described, "said": said, "diagram": _diagram}
    environment.globals["symbols"] = {verdict: symbol for verdict, (symbol, _) in STYLES.items()}
    if isinstance(shown_document, Document):
        return environment.get_template("document.html").render(
            document=shown_document,
            summary=summary(shown_document).plain,
            sections=_sections(shown_document.claims),
        )
    documents = shown_document.documents
    return environment.get_template("matrix.html").render(
        matrix=shown_document,
        devices=counted(len(documents), "device"),
        names=short_names(documents),
        summaries=[summary(document).plain for document in documents],
        conclusion=conclusion(shown_document).plain,
        facts=differing_facts([document.device for document in documents]),
        sections=[
            (section, [(row, _cells(row)) for row in rows]) for section, rows in _sections(rows_of(documents))
        ],
    )


def _sections(entries: Iterable[EntryT]) -> list[tuple[str, list[EntryT]]]:
    grouped = itertools.groupby(entries, key=lambda entry: entry.section)
    return [(section, list(members)) for section, members in grouped]


@dataclass(frozen=True, slots=True)
class _Cells:
    """What of a row of the matrix stands in its cells."""

    figures: dict[int, tuple[str, ...]]
    """By the place of the column, the figures that differ between devices, where these are few."""
    sentence: str
    """Where these figures belong; empty where there are none."""


def _cells(row: Row) -> _Cells:
    there = [place for place, result in enumerate(row.results) if result is not None]
    shared = common([lasting(said(result)) for result in row.judged], figures=FIGURES_IN_CELLS)
    if shared is None or not any(shared.figures):
        return _Cells({}, "")
    return _Cells(dict(zip(there, shared.figures, strict=True)), shared.sentence)


def _figure(value: Json) -> str:
    """One piece of evidence as people read it: in a line, if it is short."""
    if value is None or value == []:
        return "none"
    if isinstance(value, list) and not any(isinstance(entry, list | dict) for entry in value):
        return ", ".join(map(_figure, value))
    if not isinstance(value, list | dict):
        return shown(value)
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE else json.dumps(value, indent=1, ensure_ascii=False)


def _diagram(result: Result) -> Markup | None:
    """A sequence diagram, which is drawn here and so is no text of a device's."""
    drawn = diagram_of(result)
    return None if drawn is None else Markup(drawn)
