"""Runs a claim's experiment on a device and says what came of it, whatever happens meanwhile."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import DeviceLostError, HarnessError, interruption_behind
from harness.device.facts import FacilityMissingError
from harness.experiments.core.claim import Claim, Evidence, Finding, Verdict
from harness.experiments.core.time_limit import time_limit

if TYPE_CHECKING:
    from harness.device.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one claim on one device: the claim's entry in the result document."""

    id: str
    section: str
    documents: str
    statement: str
    verdict: Verdict
    known: Verdict | None
    """The verdict that is known for such a device; None where none is."""
    as_known: bool | None
    """Whether verdict and figures are what is known; None where nothing could be compared."""
    measured: str = ""
    evidence: tuple[Evidence, ...] = ()
    deviations: tuple[str, ...] = ()
    """Expected and got, in words."""
    instead: str = ""
    reason: str = ""
    """Why there is no finding: what is missing, how the device was lost, what went wrong."""
    traceback: str = ""
    """Of an error, for whoever fixes it."""
    source: str
    seconds: float

    @property
    def explanation(self) -> str:
        """Why the result is not as known, in words; empty where it is."""
        if self.as_known is not False:
            return ""
        if self.reason:
            return f"{self.verdict}: {self.reason}"
        lines = [f"{self.verdict}: {self.measured}", *self.deviations]
        if self.verdict is not self.known and self.known is not None:
            lines.insert(1, f"verdict: got {self.verdict}, expected {self.known}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Outcome:
    finding: Finding
    reason: str = ""
    traceback: str = ""


def judge(claim: Claim, device: Device, *, seconds: float | None = None) -> Result:
    """Run the experiment for at most `seconds` (the claim's own limit, if None) and compare the outcome.

    Never raises for what the experiment or the device does: a device that lacks a facility cannot tell,
    one that dies is lost, anything unexpected is an error, and all three say so in the result's `reason`.
    An interruption ends the run, also where the experiment's clean-up failed after it.
    """
    started = time.monotonic()
    known: Verdict | None = None
    try:
        known = claim.known_verdict(device.facts)
        outcome = _run(claim, device, claim.time_limit if seconds is None else seconds)
    except Exception as error:
        interruption = interruption_behind(error)
        if interruption is not None:
            raise interruption from error
        outcome = _without_finding(error, device)
    finding = outcome.finding
    return Result(
        id=claim.id,
        section=claim.section.value,
        documents=claim.documents,
        statement=claim.statement,
        verdict=finding.verdict,
        known=known,
        as_known=_as_known(finding, known),
        measured=finding.measured,
        evidence=finding.evidence,
        deviations=finding.deviations,
        instead=claim.instead if finding.verdict in (Verdict.REFUTED, Verdict.CONDITIONAL) else "",
        reason=outcome.reason,
        traceback=outcome.traceback,
        source=claim.source,
        seconds=round(time.monotonic() - started, 3),
    )


def _run(claim: Claim, device: Device, seconds: float) -> _Outcome:
    for need in claim.needs:
        need.require(device.facts)
    with time_limit(seconds, f"the experiment of {claim.id}"):
        return _Outcome(claim.run(device))


def _without_finding(error: Exception, device: Device) -> _Outcome:
    if isinstance(error, DeviceLostError):
        return _Outcome(Finding(Verdict.LOST, ""), str(error))
    if isinstance(error, FacilityMissingError):
        return _Outcome(Finding(Verdict.NOT_TESTABLE, ""), str(error))
    if not device.alive:
        console = device.console_tail()
        return _Outcome(Finding(Verdict.LOST, ""), f"The device ended: {error}\n{console}".rstrip())
    reason = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
    return _Outcome(Finding(Verdict.ERROR, ""), reason, "".join(traceback.format_exception(error)))


def _as_known(finding: Finding, known: Verdict | None) -> bool | None:
    if finding.verdict in (Verdict.LOST, Verdict.ERROR) or finding.deviations:
        return False
    if finding.verdict is Verdict.NOT_TESTABLE or known is None:
        return None
    return finding.verdict is known
