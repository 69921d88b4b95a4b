"""Shows a result document, or a matrix, as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import jinja2
from markupsafe import Markup

from harness.experiments.core.claim import Topic
from harness.experiments.core.figure import label, shown
from harness.experiments.core.json_values import Json
from harness.experiments.core.result import Result
from harness.report import stored
from harness.report.comparison import Row, account, differing_facts, rows_of
from harness.report.diagram import diagram_of
from harness.report.document import Document
from harness.report.labels import described, short_names
from harness.report.matrix import Matrix
from harness.report.matrix_table import conclusion
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
    environment.filters |= {
        "value": _value,
        "label": label,
        "described": described,
        "account": account,
        "diagram": _diagram,
    }
    environment.globals["symbols"] = {verdict: symbol for verdict, (symbol, _) in STYLES.items()}
    if isinstance(shown_document, Document):
        return environment.get_template("document.html").render(
            document=shown_document,
            summary=summary(shown_document).plain,
            topics=_topics(shown_document.claims),
        )
    documents = shown_document.documents
    return environment.get_template("matrix.html").render(
        matrix=shown_document,
        devices=counted(len(documents), "device"),
        names=short_names(documents),
        summaries=[summary(document).plain for document in documents],
        conclusion=conclusion(shown_document).plain,
        facts=differing_facts([document.device for document in documents]),
        topics=_topics(rows_of(documents)),
    )


def _topics(entries: Iterable[EntryT]) -> list[tuple[Topic, list[EntryT]]]:
    grouped = itertools.groupby(entries, key=lambda entry: entry.topic)
    return [(topic, list(members)) for topic, members in grouped]


def _value(value: Json, unit: str = "") -> str:
    """A figure's value as people read it: what is nested, as JSON."""
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(entry, list | dict) for entry in entries):
        return shown(value, unit)
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE else json.dumps(value, indent=1, ensure_ascii=False)


def _diagram(result: Result) -> Markup | None:
    """A sequence diagram, which is drawn here and so is not text from a device."""
    drawn = diagram_of(result)
    return None if drawn is None else Markup(drawn)
