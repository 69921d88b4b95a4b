"""Every view at the usual widths of terminals: it fits, and no word is broken."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import pytest

from harness.experiments.core.claim import CLAIMS, Claim
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.result import Result
from harness.report.difference import DocumentPair
from harness.report.document import Document
from harness.report.summary import STYLES
from harness.report.terminal import diff, matrix_table, results
from harness.report.terminal.console import PrintableConsole
from tests.support.fake_documents import ARM, ARM_16K, document_on, matrix_of

WIDTHS = [60, 80, 120, 200]
LOST = "The device ended: /system/bin/a-path-that-fits-into-no-line/of-sixty-columns/is-gone is not there"


def result_of(place: int, claim: Claim) -> Result:
    """A result with the claim's own texts; the verdicts take turns."""
    verdict = list(STYLES)[place % len(STYLES)]
    reason = "" if verdict in (Verdict.CONFIRMED, Verdict.REFUTED) else LOST
    return Result.of(claim, Finding(verdict, reason=reason), verdict, seconds=0.0)


def whole(document: Document) -> Document:
    """The document with a result of each claim there is."""
    claims = tuple(result_of(place, claim) for place, claim in enumerate(CLAIMS.all().values()))
    return dataclasses.replace(document, claims=claims)


DOCUMENTS = [whole(document_on(facts, target=f"embedded?{facts.page_size}")) for facts in (ARM, ARM_16K)]
BEFORE, AFTER = (
    dataclasses.replace(document, claims=document.claims[place:]) for place, document in enumerate(DOCUMENTS)
)
VIEWS: dict[str, Callable[[PrintableConsole], None]] = {
    "a run": lambda console: results.show(BEFORE, console),
    "a run with accounts": lambda console: results.show(BEFORE, console, accounts=True),
    "a matrix": lambda console: matrix_table.show(matrix_of(BEFORE, AFTER, document_on(ARM)), console),
    "a difference": lambda console: diff.show(DocumentPair(BEFORE, document_on(ARM_16K)), console),
}


def lines_of(view: str, width: int) -> list[str]:
    console = PrintableConsole(io.StringIO())
    console.width = width
    VIEWS[view](console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_it_fits_and_breaks_no_word(view: str, width: int) -> None:
    lines = lines_of(view, width)
    longest = max(LOST.split(), key=len)
    assert [line for line in lines if len(line) > width and longest not in line] == []
    assert [line for line in lines if line != line.rstrip()] == []
    words = {word for shown in VIEWS for line in lines_of(shown, 100_000) for word in line.split()}
    narrow = {"…", "!!", "after", "another:", "unexpected"}
    assert {word for line in lines for word in line.split()} - words <= narrow


@pytest.mark.parametrize("width", WIDTHS)
def test_a_claim_takes_one_line(width: int) -> None:
    lines = lines_of("a run", width)
    for result in BEFORE.claims:
        symbol, _ = STYLES[result.verdict]
        (line,) = [line for line in lines if f" {result.id} " in line]
        words = f"{symbol} {result.verdict}" if width >= results.WIDE else symbol
        assert line.startswith(f"{words} ")
        assert result.statement.split()[0] in line
        assert ("UNEXPECTED" in line) is (result.as_expected is False)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_account_is_whole_at_any_width(width: int) -> None:
    text = " ".join(" ".join(lines_of("a run with accounts", width)).split())
    for result in BEFORE.claims:
        assert " ".join(result.statement.split()) in text
        assert " ".join(result.what_is_true.split()) in text


def test_what_is_unexpected_comes_first_at_the_end() -> None:
    lines = lines_of("a run", 80)
    lost = [result.id for result in BEFORE.claims if result.as_expected is False]
    assert lines[lines.index("Unexpected") + 1] == f"  {lost[0]}"
    assert lines[-2].startswith(f"{len(lost)} unexpected: ✓ ")
