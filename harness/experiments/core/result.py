"""The result of one claim on one device: what the document keeps, and every report is a view of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.experiments.core.claim import Claim, Topic
from harness.experiments.core.figure import Figure, fill, label, names_in, shown
from harness.experiments.core.finding import Finding, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A claim's entry in the result document."""

    id: str
    topic: Topic
    documents: str
    statement: str
    verdict: Verdict
    expected: Verdict | None
    """The verdict that is expected of such a device; None where none is."""
    as_expected: bool | None
    """Whether verdict and figures are as expected; None where nothing could be compared."""
    sentence: str = ""
    """A template over the names of figures; see `measured`."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    what_is_true: str = ""
    reason: str = ""
    """Why there is no finding: what the device lacks, how it was lost, what broke the experiment off."""
    traceback: str = ""
    """Of an error, for whoever fixes it."""
    source: str
    taken_for_granted: bool = False
    """Whether people believe the statement without a second thought."""
    seconds: float
    measurement: object = None
    """What was measured, raw, so that the claim can be judged again without a device."""

    @classmethod
    def of(
        cls,
        claim: Claim,
        finding: Finding,
        expected: Verdict | None,
        *,
        seconds: float,
        measurement: object = None,
        traceback: str = "",
    ) -> Result:
        """The result of a claim that came to this finding."""
        applies = finding.verdict in (Verdict.REFUTED, Verdict.CONDITIONAL)
        return cls(
            id=claim.id,
            topic=claim.topic,
            documents=claim.documents,
            statement=claim.statement,
            verdict=finding.verdict,
            expected=expected,
            as_expected=_as_expected(finding, expected),
            sentence=finding.sentence,
            figures=finding.figures,
            what_is_true=claim.what_is_true if applies else "",
            reason=finding.reason,
            traceback=traceback,
            source=claim.source,
            taken_for_granted=claim.taken_for_granted,
            seconds=seconds,
            measurement=measurement,
        )

    @property
    def measured(self) -> str:
        """The finding in one sentence, with its figures."""
        return fill(self.sentence, {name: str(self.figures[name]) for name in names_in(self.sentence)})

    @property
    def unexpected(self) -> tuple[str, ...]:
        """The figures that are other than expected, in words."""
        return tuple(
            f"{label(name)}: got {figure}, expected {shown(figure.expected, figure.unit)}"
            for name, figure in self.figures.items()
            if not figure.as_expected
        )

    @property
    def explanation(self) -> str:
        """Why the result is unexpected, in words; empty where it is not."""
        if self.as_expected is not False:
            return ""
        if self.reason:
            return f"{self.verdict}: {self.reason}"
        lines = [f"{self.verdict}: {self.measured}", *self.unexpected]
        if self.verdict is not self.expected and self.expected is not None:
            lines.insert(1, f"verdict: got {self.verdict}, expected {self.expected}")
        return "\n".join(lines)


def _as_expected(finding: Finding, expected: Verdict | None) -> bool | None:
    if finding.verdict in (Verdict.LOST, Verdict.ERROR):
        return False
    if not all(figure.as_expected for figure in finding.figures.values()):
        return False
    if finding.verdict is Verdict.NOT_TESTABLE or expected is None:
        return None
    return finding.verdict is expected
