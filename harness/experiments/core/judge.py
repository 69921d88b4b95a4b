"""Judges a claim: measures on a device and calls the verdict, or calls it on a stored measurement."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

from emulator.base.deadline import Deadline
from emulator.base.errors import (
    DeviceLostError,
    FacilityMissingError,
    HarnessError,
    SetupError,
    in_words,
    interruption_behind,
)
from emulator.base.progress import report
from harness.device.facts import Facts, Need, java_is_put
from harness.experiments.core.claim import Claim
from harness.experiments.core.denial import facility_behind
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.result import Result
from harness.experiments.core.time_limit import time_limit

if TYPE_CHECKING:
    from harness.device.device import Device

_NO_JAVA: WeakKeyDictionary[Device, SetupError] = WeakKeyDictionary()
"""Why Java could not be built for a device, when the first claim needed it."""
RESPONDS_WITHIN = 5.0
"""Seconds that a device has, after what was not expected of it, to start a fresh agent."""


def judge(
    claim: Claim,
    device: Device,
    *,
    seconds: float | None = None,
    java: bool = True,
    may_repeat: bool = True,
) -> Result:
    """Measure for at most `seconds` (the claim's own limit, if None) and give the verdict.

    Without `java`, a claim that needs AOSP's Java is not testable where the device has to get it first.

    Never raises for what the experiment or the device does: where the device lacks a facility the claim is
    not testable, where it dies it is lost, anything else is an error, each with its reason in the result.
    Where only adb lost the device, the experiment is repeated, once. An interruption ends the run, also where
    cleaning up failed after it.

    A finding counts only on a device that still runs: one that ends meanwhile shows anything, even that it
    lacks a facility. After an error or an unexpected finding it has 5 s to start a fresh agent, which shows
    whether it still works.
    """
    started = time.monotonic()
    facts: Facts | None = None
    expected: Verdict | None = None
    measurement: object = None
    trace = ""
    logged: list[str] = []
    begun = False
    try:
        facts = device.facts
        expected = claim.expected_verdict(facts)
        for need in claim.needs:
            need.require(facts)
        if java_is_put(claim.needs, facts):
            _put_java(device, allowed=java)
        begun = True
        limit = time_limit(claim.time_limit if seconds is None else seconds, f"the experiment of {claim.id}")
        with _logged_errors(logged), limit:
            measured = claim.measure(device)
        measurement = to_json(measured)
        finding = claim.verdict(measured, facts)
    except Exception as error:
        interruption = interruption_behind(error)
        if interruption is not None:
            raise interruption from error
        # What the facts say that the device lacks, it does not lack because adb has lost it.
        lacking = isinstance(error, FacilityMissingError) and not begun
        if may_repeat and not lacking and _recovered(device, error):
            report(f"adb had lost {device.serial} and reaches it again: {claim.id} is repeated")
            return judge(claim, device, seconds=seconds, java=java, may_repeat=False)
        finding = _without_finding(error, facts)
        if finding.verdict is Verdict.ERROR:
            finding = dataclasses.replace(finding, reason="\n".join([finding.reason, *map(_ends, logged)]))
            trace = "\n".join(["".join(traceback.format_exception(error)), *logged])
    if finding.verdict is Verdict.ERROR or begun:
        finding = _unless_lost(finding, expected, device)
    if finding.verdict is Verdict.LOST:
        measurement, trace = None, ""
    return Result.of(
        claim,
        finding,
        expected,
        seconds=round(time.monotonic() - started, 3),
        measurement=measurement,
        traceback=trace,
    )


def _put_java(device: Device, *, allowed: bool) -> None:
    """Have AOSP's Java be on the device, before the time limit begins: building it takes minutes."""
    if not allowed:
        raise FacilityMissingError(
            f"needs {Need.JAVA.meaning}, which is built, and put on a device, only where it is asked for. "
            "It can be tested in a run in which the claim is named, or with --java."
        )
    from harness.framework.java.place import prepare_java

    failed = _NO_JAVA.get(device)
    if failed is not None:  # trying to download packages takes long
        raise failed
    try:
        prepare_java(device)
    except SetupError as error:
        _NO_JAVA[device] = error.with_traceback(None)
        raise


@contextlib.contextmanager
def _logged_errors(logged: list[str]) -> Iterator[None]:
    """Collect what is logged as an error: that a handler failed is not in the exception of its caller."""
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("harness")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _ends(text: str) -> str:
    """The first and the last line of an error that was logged: what failed, and the exception."""
    lines = text.strip().splitlines()
    return "\n".join(dict.fromkeys([*lines[:1], *lines[-1:]]))


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


def _recovered(device: Device, error: Exception) -> bool:
    try:
        return device.recover(error)
    except HarnessError:  # it is lost, which the finding shows
        return False


def _without_finding(error: Exception, facts: Facts | None) -> Finding:
    if isinstance(error, DeviceLostError):
        return Finding(Verdict.LOST, reason=str(error))
    missing = facility_behind(error, facts)
    if missing is not None:
        return Finding.not_testable(str(missing))
    if isinstance(error, HarnessError):
        return Finding(Verdict.ERROR, reason=str(error))
    what = in_words(error) if isinstance(error, OSError) else str(error)
    return Finding(Verdict.ERROR, reason=f"{type(error).__name__}: {what}")


def _unless_lost(finding: Finding, expected: Verdict | None, device: Device) -> Finding:
    """The finding, or the loss of the device that it is about."""
    if finding.verdict is Verdict.LOST:
        return finding
    reason = finding.reason or f"it showed what would be {finding.verdict}"
    if not device.alive:
        return _loss(f"The device ended: {reason}", device)
    if finding.verdict is expected:
        return finding
    try:
        with time_limit(RESPONDS_WITHIN, "a fresh agent on the device"):
            device.check_responds(Deadline(RESPONDS_WITHIN))
    except Exception as error:  # as everything that the device does, it is for the result
        interruption = interruption_behind(error)
        if interruption is not None:
            raise interruption from error
        return _loss(f"The device no longer responds ({error}): {reason}", device)
    return finding


def _loss(reason: str, device: Device) -> Finding:
    return Finding(Verdict.LOST, reason=f"{reason}\n{device.console_tail()}".rstrip())
