"""The page of one run: the outcome as a picture, what surprises most, and the claims by topic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from harness.experiments.core.claim import Topic
from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.experiments.core.source_documents import SourceDocument
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
            "outcomes": list(outcomes(sections, report.stated_in())) if sections else [],
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


def outcomes(sections: Sequence[Section], stated_in: Sequence[SourceDocument]) -> Iterator[Picture]:
    """The verdicts on each topic, and on what each document states, as bars."""
    by_topic = {section.topic.heading: [row.judged[0] for row in section.rows] for section in sections}
    yield _verdicts("Verdicts by topic", by_topic)
    results = [result for found in by_topic.values() for result in found]
    by_document = {
        f"{document.letter}: {document.title}": [r for r in results if document.letter in r.documents]
        for document in stated_in
    }
    stated = {title: found for title, found in by_document.items() if found}
    if stated:
        yield _verdicts("Verdicts by document", stated)


def _verdicts(title: str, groups: Mapping[str, Sequence[Result]]) -> Picture:
    """How many results in each group have each verdict."""
    there = {result.verdict for results in groups.values() for result in results}
    rows = []
    for name, results in groups.items():
        counts = Counter(result.verdict for result in results)
        parts = [Part(counts[v], v.name.lower(), v.value) for v in STYLES if v in there]
        unexpected = sum(result.as_expected is False for result in results)
        text = verdict_counts(results)
        rows.append(Bar(name, parts, f"{unexpected} UNEXPECTED, {text}" if unexpected else text))
    return bars(title, rows, "claims")


def most_surprising(results: Sequence[Result]) -> list[Result]:
    """What is unexpected, then what is refuted although people take it for granted, up to three."""
    unexpected = [result for result in results if result.as_expected is False]
    refuted = [result for result in results if result.verdict is Verdict.REFUTED and result not in unexpected]
    refuted.sort(key=lambda result: (not result.taken_for_granted, -len(result.documents)))
    return [*unexpected, *refuted][: max(SURPRISES, min(len(unexpected), 2 * SURPRISES))]
