"""The outcome of a run or a matrix in a few words: what is unexpected, and the number of each verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.text import Text

from emulator.base.errors import ExitCode
from harness.experiments.core.finding import Verdict
from harness.kernel.concise import counted
from harness.report.comparison import claim_rows
from harness.report.document import Document
from harness.report.matrix import Matrix

STYLES = {
    Verdict.CONFIRMED: ("✓", "green"),
    Verdict.REFUTED: ("✗", "magenta"),
    Verdict.CONDITIONAL: ("◐", "cyan"),
    Verdict.NOT_TESTABLE: ("·", "dim"),
    Verdict.LOST: ("!", "bold red"),
    Verdict.ERROR: ("!", "bold red"),
}
"""The symbol and the style of each verdict."""


def summary(document: Document) -> Text:
    """Whether all claims are as expected, how many have each verdict, and what the run lacks."""
    counts = Counter(result.verdict for result in document.claims)
    unexpected = sum(result.as_expected is False for result in document.claims)
    if not document.claims:
        text = Text("no claim was judged", style="bold red")
    elif unexpected:
        text = Text.assemble((f"{unexpected} unexpected", "bold red"), ": ")
    else:
        all_of = "all of these" if document.interrupted else "all"
        text = Text.assemble((f"{all_of} as expected", "bold green"), ": ")
    parts = [
        Text(f"{symbol} {counts[verdict]} {verdict}", style=style)
        for verdict, (symbol, style) in STYLES.items()
        if counts[verdict]
    ]
    text.append_text(Text(", ").join(parts)).append(f", in {document.seconds:.0f} s")
    for line in lacks(document):
        text.append(f"\n{line}", style="bold red" if document.interrupted else "")
    return text


def lacks(document: Document) -> Iterator[str]:
    """What a run lacks, a sentence each; nothing for a complete one."""
    if document.interrupted is not None:
        yield f"the run was interrupted by {document.interrupted}"
    if document.not_judged:
        lacking = len(document.not_judged)
        claims = counted(len(document.requested_claims), "claim")
        yield f"{lacking} of {claims} {'was' if lacking == 1 else 'were'} not judged"


def conclusion(matrix: Matrix) -> Text:
    """How many claims were judged on how many devices, and how many of them differ."""
    rows = claim_rows(matrix.documents)
    differing = sum(row.differs for row in rows)
    requested = len(matrix.requested_claims)
    claims = counted(requested, "claim")
    judged = claims if len(rows) == requested else f"{len(rows)} of {claims}"
    text = Text(f"{judged} on {counted(len(matrix.columns), 'device')}: ")
    if not rows:
        text.append("no claim was judged", style="bold red")
    else:
        text.append(f"differences in {differing}" if differing else "no difference")
        verdicts = sum(row.verdicts_differ for row in rows)
        if verdicts:
            text.append(f", {verdicts} of them in the verdict")
    unexpected = sum(row.unexpected for row in rows)
    failed = sum(bool(column.failures) for column in matrix.columns)
    if unexpected:
        text.append(", ").append(f"{unexpected} unexpected", style="bold red")
    if failed:
        text.append(", ").append(f"failures on {failed}", style="bold red")
    if matrix.interrupted is not None:
        made = sum(len(document.claims) for document in matrix.documents)
        all_judgements = sum(len(document.requested_claims) for document in matrix.documents)
        text.append(", ").append(
            f"interrupted by {matrix.interrupted} after {made} of {counted(all_judgements, 'judgement')}",
            style="bold red",
        )
    elif matrix.exit_code is ExitCode.AS_EXPECTED:
        text.append(", ").append("all as expected", style="bold green")
    return text
