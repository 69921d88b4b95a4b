from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from emulator.base.errors import DeviceLostError, TimeLimitError
from emulator.base.interruption import Interrupted
from harness.device.facts import FacilityMissingError
from harness.experiments.core.claim import (
    CLAIMS,
    ClaimRegistry,
    Evidence,
    Expectation,
    Finding,
    Section,
    Verdict,
    claim,
)
from harness.experiments.core.judge import Result, judge
from harness.experiments.core.time_limit import time_limit
from tests.support.fake_device import CLAIMS_BY_ID, CONSOLE, FakeDevice, make_claim


def judged(name: str, *, seconds: float | None = None) -> Result:
    return judge(CLAIMS_BY_ID[name], cast(Any, FakeDevice()), seconds=seconds)


def judged_experiment(run: Callable[[FakeDevice], Finding], **known: Any) -> Result:
    return judge(make_claim("mmap.some", run, **known), cast(Any, FakeDevice()))


def confirmed(_: FakeDevice) -> Finding:
    return Finding.whether(True, "measured")


def test_a_confirmed_claim_is_as_known() -> None:
    result = judged("mmap.once")
    assert (result.verdict, result.as_known, result.deviations) == (Verdict.CONFIRMED, True, ())
    assert result.measured == "it failed with EBUSY"
    assert result.evidence == (Evidence("errno", "mmap", 16, known=16),)
    assert result.explanation == ""
    assert 0 <= result.seconds < 5


def test_a_refuted_claim_says_what_is_true_instead() -> None:
    result = judged("mmap.first-page")
    assert (result.verdict, result.as_known) == (Verdict.REFUTED, True)
    assert result.instead == "none until the first transaction"


def test_another_figure_than_the_known_one_is_a_deviation() -> None:
    result = judged("limit.figure")
    assert (result.verdict, result.as_known) == (Verdict.CONFIRMED, False)
    assert result.deviations == ("largest: got 1,040,380, expected 1,040,384",)
    assert result.deviations[0] in result.explanation


def test_another_verdict_than_the_known_one_is_a_deviation() -> None:
    result = judged("limit.verdict")
    assert (result.verdict, result.as_known, result.known) == (Verdict.REFUTED, False, Verdict.CONFIRMED)
    assert "got refuted, expected confirmed" in result.explanation


def test_a_missing_facility_cannot_tell_and_nothing_is_run() -> None:
    result = judged("copy.binder-one")
    assert (result.verdict, result.as_known) == (Verdict.NOT_TESTABLE, None)
    assert "this kernel has no /proc/kcore" in result.reason
    assert result.evidence == ()


def test_an_experiment_may_find_a_facility_missing() -> None:
    def experiment(_: FakeDevice) -> Finding:
        raise FacilityMissingError("the file is unreadable")

    result = judged_experiment(experiment)
    assert (result.verdict, result.reason) == (Verdict.NOT_TESTABLE, "the file is unreadable")


def test_a_lost_device_is_lost() -> None:
    result = judged("proto.dies")
    assert (result.verdict, result.as_known) == (Verdict.LOST, False)
    assert CONSOLE in result.reason


def test_whatever_a_dead_device_makes_fail_is_a_loss() -> None:
    def experiment(device: FakeDevice) -> Finding:
        device.alive = False
        raise BrokenPipeError("the stream ended")

    result = judged_experiment(experiment)
    assert result.verdict is Verdict.LOST
    assert "the stream ended" in result.reason
    assert CONSOLE in result.reason


def test_an_unexpected_error_keeps_its_traceback() -> None:
    result = judged("proto.breaks")
    assert (result.verdict, result.as_known) == (Verdict.ERROR, False)
    assert result.reason == "ValueError: a mistake in the experiment"
    assert "_breaks" in result.traceback


@pytest.mark.parametrize("failure", [OSError("busy"), DeviceLostError("gone"), TimeLimitError("too slow")])
def test_an_interruption_ends_the_run_though_the_clean_up_after_it_failed(failure: Exception) -> None:
    def experiment(_: FakeDevice) -> Finding:
        try:
            raise Interrupted(signal.SIGTERM)
        finally:
            raise failure

    with pytest.raises(Interrupted, match="SIGTERM"):
        judged_experiment(experiment)


def test_an_experiment_that_catches_every_oserror_still_ends_in_time() -> None:
    result = judged("proto.waits", seconds=0.05)
    assert result.verdict is Verdict.ERROR
    assert result.reason == "the experiment of proto.waits: not within 0.05 s"


def test_the_expectation_is_a_predicate_over_facts() -> None:
    on_16k = Expectation(
        "confirmed on 16 KiB pages, else refuted",
        lambda facts: Verdict.CONFIRMED if facts.page_size == 16384 else Verdict.REFUTED,
    )
    assert judged_experiment(confirmed, known=on_16k).as_known is False
    nothing = Expectation("nothing is known", lambda _: None)
    assert judged_experiment(confirmed, known=nothing).as_known is None


def test_the_limit_leaves_an_outer_one_in_force() -> None:
    def outer_limit(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, outer_limit)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TimeLimitError), time_limit(0.05, "a wait"):
            threading.Event().wait(5)
        with pytest.raises(InterruptedError):
            threading.Event().wait(5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_the_limit_lets_what_is_quick_pass() -> None:
    with time_limit(5, "nothing"):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_evidence_is_kept_as_json() -> None:
    evidence = Evidence("flags", "/proc/PID/smaps", ("rd", b"\x10", Verdict.LOST), known=["rd", "10", "lost"])
    assert evidence.value == ["rd", "10", "lost"]
    assert evidence.deviation is None


def test_the_decorator_registers_and_returns_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLAIMS, "_entries", CLAIMS.all())

    @claim(
        "trial.misc",
        documents="B",
        section=Section.DEVICE_NODE,
        statement="It is a misc device.",
        experiment="Read /proc/misc.",
        source="drivers/android/binder.c",
    )
    def experiment(_: Any) -> Finding:
        return Finding.whether(True, "minor 123")

    assert experiment(None).measured == "minor 123"
    assert CLAIMS.get("trial.misc").run is experiment


def test_claims_come_in_the_order_of_their_sections() -> None:
    registry = ClaimRegistry("claim", "tests.emulator", listed_by="binder-harness list")
    for name, section in (
        ("sm.b", Section.SERVICE_MANAGER),
        ("mmap.b", Section.MAPPING),
        ("sm.a", Section.MAPPING),
    ):
        registry.add(name, make_claim(name, confirmed, section=section))
    assert list(registry.all()) == ["mmap.b", "sm.a", "sm.b"]


@pytest.mark.parametrize(("name", "known"), [("mmap", Verdict.CONFIRMED), ("mmap.once", Verdict.REFUTED)])
def test_a_claim_is_complete(name: str, known: Verdict) -> None:
    with pytest.raises(ValueError, match="mmap"):
        make_claim(name, confirmed, known=known)
