"""Markdown, for a comment on a pull request or the summary of a CI job: what is unexpected first."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from harness.experiments.core.result import Result
from harness.kernel.concise import counted
from harness.report.comparison import account, claim_rows
from harness.report.formats.report import Report
from harness.report.labels import described
from harness.report.matrix import Column, Matrix
from harness.report.summary import STYLES, conclusion, summary

SPECIAL = re.compile(r"([\\`*_{}\[\]#|~@!-])")
"""What Markdown, or a forge that shows it, would take for more than text."""


def render(report: Report) -> str:
    """The report as GitHub's and GitLab's Markdown."""
    content = report.content
    lines = list(_matrix(content) if isinstance(content, Matrix) else _run(report.columns[0]))
    return "\n".join(lines) + "\n"


def _run(column: Column) -> Iterator[str]:
    document = column.document
    yield f"## Binder on {text(column.target)}"
    yield ""
    yield f"{text(described(document.device))}  "
    yield "**" + "**  \n**".join(text(line) for line in summary(document).plain.splitlines()) + "**"
    yield from _problems(column)
    if document.claims:
        yield from _folded(counted(len(document.claims), "claim"), _table(document.claims))


def _matrix(matrix: Matrix) -> Iterator[str]:
    yield f"## Binder on {counted(len(matrix.columns), 'device')}"
    yield ""
    yield f"**{text(conclusion(matrix).plain)}**"
    yield ""
    yield "| | target | device | outcome |"
    yield "|---|---|---|---|"
    for number, column in enumerate(matrix.columns, start=1):
        outcome = " · ".join(summary(column.document).plain.splitlines())
        yield _row(str(number), column.target, described(column.document.device), outcome)
    for column in matrix.columns:
        yield from _problems(column)
    rows = claim_rows(matrix.documents)
    heads = [str(number) for number, _ in enumerate(matrix.columns, start=1)]
    table = [_row("claim", *heads), "|---" * (len(heads) + 1) + "|"]
    for row in rows:
        cells = ["-" if result is None else _verdict(result, words=False) for result in row.results]
        table.append(_row(row.id, *cells))
    yield from _folded(counted(len(rows), "claim"), table)


def _problems(column: Column) -> Iterator[str]:
    """Why a device failed, and what is unexpected of it."""
    for failure in column.failures:
        yield f"\n**{text(column.target)}:** {text(' '.join(failure.message.split()))}"
    unexpected = [result for result in column.document.claims if result.as_expected is False]
    if unexpected:
        yield f"\n### Unexpected on {text(column.target)}\n"
    for result in unexpected:
        lines = [text(line) for line in result.explanation.splitlines()]
        yield f"- **{text(result.id)}**: {text(result.statement)}  \n  " + "  \n  ".join(lines)


def _table(results: Iterable[Result]) -> Iterator[str]:
    yield "| verdict | claim | statement | measured |"
    yield "|---|---|---|---|"
    for result in results:
        yield _row(_verdict(result, words=True), result.id, result.statement, account(result))


def _verdict(result: Result, *, words: bool) -> str:
    symbol, _ = STYLES[result.verdict]
    shown = f"{symbol} {result.verdict}" if words else symbol
    return f"{shown} UNEXPECTED" if result.as_expected is False else shown


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"\n<details><summary>{title}</summary>\n"
    yield from lines
    yield "\n</details>"


def _row(*cells: str) -> str:
    return "| " + " | ".join(text(" ".join(cell.split())) for cell in cells) + " |"


def text(plain: str) -> str:
    """Text that is shown as it is: neither markup, nor a mention of anybody."""
    return SPECIAL.sub(r"\\\1", html.escape(plain, quote=False))
