"""Judges a claim: measures on a device and calls the verdict, or calls it on a stored measurement."""

from __future__ import annotations

import dataclasses
import time
import traceback
from typing import TYPE_CHECKING, cast

from emulator.base.errors import DeviceLostError, FacilityMissingError, HarnessError, interruption_behind
from emulator.base.progress import report
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Claim
from harness.experiments.core.denial import denial_behind
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.result import Result
from harness.experiments.core.time_limit import time_limit

if TYPE_CHECKING:
    from harness.device.device import Device


def judge(claim: Claim, device: Device, *, seconds: float | None = None, may_repeat: bool = True) -> Result:
    """Measure for at most `seconds` (the claim's own limit, if None) and give the verdict.

    Never raises for what the experiment or the device does: where the device lacks a facility the claim is
    not testable, where it dies it is lost, anything else is an error, each with its reason in the result.
    Where only adb lost the device, the experiment is repeated, once. An interruption ends the run, also where
    cleaning up failed after it.
    """
    started = time.monotonic()
    facts: Facts | None = None
    expected: Verdict | None = None
    measurement: object = None
    trace = ""
    try:
        facts = device.facts
        expected = claim.expected_verdict(facts)
        for need in claim.needs:
            need.require(facts)
        with time_limit(claim.time_limit if seconds is None else seconds, f"the experiment of {claim.id}"):
            measured = claim.measure(device)
        measurement = to_json(measured)
        finding = claim.verdict(measured, facts)
    except Exception as error:
        interruption = interruption_behind(error)
        if interruption is not None:
            raise interruption from error
        if may_repeat and _recovered(device):
            report(f"adb had lost {device.serial} and reaches it again: {claim.id} is repeated")
            return judge(claim, device, seconds=seconds, may_repeat=False)
        finding = _without_finding(error, device, facts)
        if finding.verdict is Verdict.ERROR:
            trace = "".join(traceback.format_exception(error))
    return Result.of(
        claim,
        finding,
        expected,
        seconds=round(time.monotonic() - started, 3),
        measurement=measurement,
        traceback=trace,
    )


def judge_again(claim: Claim, stored: Result, facts: Facts) -> Result:
    """The result with the verdict that the claim gives today on what was measured then.

    A result without a measurement stays as it is. Raises ValueError where the measurement has another shape
    today: then the claim has to be judged on a device again.
    """
    if stored.measurement is None:
        return stored
    finding = claim.verdict(claim.measurement_from(cast(Json, stored.measurement)), facts)
    return dataclasses.replace(
        Result.of(claim, finding, claim.expected_verdict(facts), seconds=stored.seconds),
        measurement=stored.measurement,
    )


def _recovered(device: Device) -> bool:
    try:
        return device.recover()
    except HarnessError:  # it is lost, which the finding says
        return False


def _without_finding(error: Exception, device: Device, facts: Facts | None) -> Finding:
    if isinstance(error, DeviceLostError):
        return Finding(Verdict.LOST, reason=str(error))
    if isinstance(error, FacilityMissingError):
        return Finding.not_testable(str(error))
    if not device.alive:
        console = device.console_tail()
        return Finding(Verdict.LOST, reason=f"The device ended: {error}\n{console}".rstrip())
    denied = denial_behind(error)
    if denied is not None and facts is not None and not facts.root:
        return Finding.not_testable(f"{denied}; it {Need.ROOT.missing(facts)}")
    reason = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
    return Finding(Verdict.ERROR, reason=reason)
