"""Shows a result document or a matrix as one self-contained HTML file, without scripts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import TypeVar

import jinja2
from markupsafe import Markup

from harness.experiments.core.claim import Topic
from harness.experiments.core.figure import label, shown
from harness.experiments.core.json_values import Json, from_json
from harness.experiments.core.result import Result
from harness.recording.sequence_diagram import SequenceDiagram
from harness.recording.sequence_svg import svg_of
from harness.report.comparison import ClaimRow, account, claim_rows, differing_facts
from harness.report.document import Document
from harness.report.formats.report import Report
from harness.report.labels import described, short_names
from harness.report.matrix import Matrix
from harness.report.summary import STYLES, conclusion, counted, summary

LINE = 100
"""Characters of a nested value that are shown in one line."""
EntryT = TypeVar("EntryT", Result, ClaimRow)


def render(report: Report) -> str:
    """The page of a report."""
    return page(report.content)


def page(document: Document | Matrix) -> str:
    """The file's text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report.page"),
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
        "diagram": diagram_of,
    }
    environment.globals["symbols"] = {verdict: symbol for verdict, (symbol, _) in STYLES.items()}
    if isinstance(document, Document):
        return environment.get_template("document.html").render(
            document=document,
            summary=summary(document).plain,
            topics=_topics(document.claims),
        )
    documents = document.documents
    return environment.get_template("matrix.html").render(
        matrix=document,
        devices=counted(len(documents), "device"),
        names=short_names(documents),
        summaries=[summary(each).plain for each in documents],
        conclusion=conclusion(document).plain,
        facts=differing_facts([each.device for each in documents]),
        topics=_topics(claim_rows(documents)),
    )


def _topics(entries: Iterable[EntryT]) -> list[tuple[Topic, list[EntryT]]]:
    grouped = itertools.groupby(entries, key=lambda entry: entry.topic)
    return [(topic, list(members)) for topic, members in grouped]


def _value(value: Json, unit: str = "") -> str:
    """A figure's value as text; a nested one as JSON."""
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(entry, list | dict) for entry in entries):
        return shown(value, unit)
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE else json.dumps(value, indent=1, ensure_ascii=False)


def diagram_of(result: Result) -> Markup | None:
    """The first sequence diagram among a result's figures; not escaped, because svg_of escapes its texts."""
    for figure in result.figures.values():
        if isinstance(figure.value, dict) and figure.value.keys() >= {"lifelines", "arrows"}:
            return Markup(svg_of(from_json(SequenceDiagram, figure.value)))
    return None
