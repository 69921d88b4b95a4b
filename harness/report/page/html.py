"""Shows a run or a matrix as one self-contained HTML file, which needs neither network nor scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from functools import partial
from importlib.resources import files

import jinja2
from markupsafe import Markup, escape

from harness.experiments.core.figure import label, shown
from harness.experiments.core.json_values import Json
from harness.experiments.core.source_documents import titles
from harness.kernel.concise import counted
from harness.report.comparison import alike, numbered
from harness.report.document import Document
from harness.report.formats.report import Report
from harness.report.labels import described, moment
from harness.report.page.document_page import document_page
from harness.report.page.matrix_page import matrix_page
from harness.report.page.page import (
    NO_DOCUMENT,
    accounts_of,
    letters_of,
    not_judged_on,
    other_figures_of,
    outcomes_of,
    readings_of,
    truths_of,
    unexpected_of,
    verdicts_of,
)
from harness.report.pictures.gallery import picture_of
from harness.report.summary import STYLES

LINE = 100
"""Characters of a nested value that are shown in one line."""
LONG_NAME = re.compile(r"[\w./()]{30,}")
"""So much does not always fit into a line on a phone."""
END_OF_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[_/])(?=\w)")
LONGEST_VALUE = 4000
"""Characters of a value that are shown; the result document has all of it."""


def render(report: Report) -> str:
    """The page of a report."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "value": value_text,
        "label": label,
        "described": described,
        "moment": moment,
        "picture": picture_of,
        "code": code,
        "sentences": sentences,
        "together": together,
        "letters": letters_of,
        "verdicts": verdicts_of,
        "readings": readings_of,
        "other_figures": other_figures_of,
        "accounts": accounts_of,
        "not_judged_on": not_judged_on,
        "outcomes": outcomes_of,
        "truths": truths_of,
        "unexpected": unexpected_of,
        "values": lambda fact: alike(text or None for text in fact.texts),
        "numbered": numbered,
        "counted": counted,
    }
    stated_in = report.stated_in()
    environment.filters["titles"] = partial(titles, found=stated_in)
    script, style = (_asset(name) for name in ("filter.js", "style.css"))
    content = report.content
    results = [result for column in report.columns for result in column.document.claims]
    page = document_page(report) if isinstance(content, Document) else matrix_page(content)
    found = {letter for result in results for letter in letters_of(result)}
    environment.globals |= {
        "symbols": {verdict: symbol for verdict, (symbol, _) in STYLES.items()},
        "verdicts": [verdict for verdict in STYLES if any(result.verdict is verdict for result in results)],
        "letters": sorted(found, key=lambda letter: (letter == NO_DOCUMENT, letter)),
        "source_documents": [entry for entry in stated_in if entry.letter in found],
        "script": Markup(script),
        "script_hash": _hash_for_policy(script),
        "style": Markup(style),
        "filter_style": Markup(_filter_style(page.hidden_by())),
    }
    return environment.get_template(page.template).render(**page.variables())


def code(text: str) -> Markup:
    """A text in which what stands between backticks is code."""
    parts = [breakable(part) for part in text.split("`")]
    if len(parts) % 2 == 0:  # a backtick of its own
        return breakable(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def breakable(text: str) -> Markup:
    """A text whose long names may go on in the next line where one of their words ends."""
    return Markup(LONG_NAME.sub(lambda name: END_OF_WORD.sub("<wbr>", name[0]), str(escape(text))))


def sentences(text: str, count: int) -> str:
    """The first sentences of a text."""
    return " ".join(re.split(r"(?<=\.) (?=[A-Z])", text)[:count])


def together(text: str) -> Markup:
    """A summary in which no line breaks between a verdict's symbol and its number."""
    symbols = "".join(symbol for symbol, _ in STYLES.values())
    return Markup(re.sub(rf"(?<=[{re.escape(symbols)}]) ", "&nbsp;", str(escape(text))))


def value_text(value: Json, unit: str = "") -> str:
    """A figure's value as text; a nested one as JSON, a very long one cut short."""
    text = _whole_text(value, unit)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}… (the result document has all of it)"


def _whole_text(value: Json, unit: str) -> str:
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(entry, list | dict) for entry in entries):
        return shown(value, unit)
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= LINE else json.dumps(value, indent=1, ensure_ascii=False)


def _asset(name: str) -> str:
    return files("harness.report.page").joinpath("templates", name).read_text(encoding="utf-8")


def _hash_for_policy(script: str) -> str:
    """What a Content-Security-Policy names a script by, so that no other one runs."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _filter_style(attributes: Iterable[tuple[str, str, tuple[str, ...]]]) -> str:
    """The rules that hide a claim when each box that stands for it is unchecked, without a script."""
    rules = []
    for attribute, prefix, values in dict.fromkeys(attributes):
        boxes = "".join(f":has(#{prefix}{value}:not(:checked))" for value in values)
        rules.append(f'body{boxes} .claim[{attribute}="{" ".join(values)}"] {{ display: none; }}')
    return "\n".join(rules)
