"""The page of one run: the outcome as a picture, what surprises most, and the claims by topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from harness.experiments.core.claim import Topic
from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.report.comparison import ClaimRow, claim_rows
from harness.report.document import Document
from harness.report.formats.report import Report
from harness.report.page.page import Page, Section
from harness.report.page.reproduction import reproductions
from harness.report.pictures.bars import Bar, Part, bars
from harness.report.pictures.canvas import Picture
from harness.report.pictures.gallery import picture_of_topic
from harness.report.summary import STYLES, summary

SURPRISES = 3


def document_page(report: Report) -> Page:
    """The page of the run of a single device."""
    document = report.content
    assert isinstance(document, Document)
    rows = claim_rows([document])
    topics = groupby(rows, key=lambda row: row.topic)
    sections = tuple(_section(topic, tuple(members)) for topic, members in topics)
    return Page(
        "document.html",
        sections,
        {
            "document": document,
            "failures": report.failures,
            "summary": summary(document).plain,
            "outcome": outcome(sections) if sections else None,
            "reproductions": reproductions({row.id: document.target for row in rows}),
            "surprises": most_surprising(document.claims),
            "benchmarks": report.benchmarks,
            "timings": list(report.benchmarks.pictures()) if report.benchmarks else [],
        },
    )


def _section(topic: Topic, rows: tuple[ClaimRow, ...]) -> Section:
    results = [row.judged[0] for row in rows]
    return Section(topic, verdict_counts(results), rows, picture_of_topic(topic, results))


def verdict_counts(results: Sequence[Result]) -> str:
    """The verdicts of a topic in short, such as `9 ✓ 6 ✗`."""
    counts = Counter(result.verdict for result in results)
    symbols = {verdict: symbol for verdict, (symbol, _) in STYLES.items() if counts[verdict]}
    return " ".join(f"{counts[verdict]} {symbol}" for verdict, symbol in symbols.items())


def outcome(sections: Sequence[Section]) -> Picture:
    """The verdicts of each topic as a bar."""
    rows = []
    for section in sections:
        counts = Counter(row.judged[0].verdict for row in section.rows)
        parts = [
            Part(counts[verdict], verdict.name.lower(), verdict.value)
            for verdict in STYLES
            if counts[verdict]
        ]
        unexpected = sum(row.unexpected for row in section.rows)
        text = f"{unexpected} UNEXPECTED, {section.counts}" if unexpected else section.counts
        rows.append(Bar(section.topic.heading, parts, text))
    return bars("How many claims have each verdict", rows, "claims")


def most_surprising(results: Sequence[Result]) -> list[Result]:
    """What is unexpected, then what is refuted although people take it for granted, up to three."""
    unexpected = [result for result in results if result.as_expected is False]
    refuted = [result for result in results if result.verdict is Verdict.REFUTED and result not in unexpected]
    refuted.sort(key=lambda result: (not result.taken_for_granted, -len(result.documents)))
    return [*unexpected, *refuted][: max(SURPRISES, min(len(unexpected), 2 * SURPRISES))]
