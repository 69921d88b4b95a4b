from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, FacilityMissingError, TimeLimitError
from emulator.base.interruption import Interrupted
from emulator.base.progress import reporting_to
from harness.agent.errors import AgentDiedError
from harness.binder.abi.uapi import BinderReturn
from harness.binder.errors import StatusError, transaction_error
from harness.binder.parcels.status import StatusCode
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import Claim
from harness.experiments.core.expectation import Expectation
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding, Verdict
from harness.experiments.core.json_values import from_json, to_json
from harness.experiments.core.judge import judge, judge_again
from harness.experiments.core.result import Result
from harness.experiments.core.time_limit import time_limit
from tests.support.fake_device import CLAIMS_BY_ID, CONSOLE, FACTS, FakeDevice, Measured, make_claim
from tests.support.sentences import leaked


def judged(name: str, *, seconds: float | None = None) -> Result:
    return judge(CLAIMS_BY_ID[name], cast(Any, FakeDevice()), seconds=seconds)


def judged_experiment(measure: Callable[[FakeDevice], object], **expected: Any) -> Result:
    return judge(make_claim("mmap.some", measure, confirmed, **expected), cast(Any, FakeDevice()))


def seven(_: FakeDevice) -> Measured:
    return Measured(7)


def confirmed(m: Measured, _: Facts) -> Finding:
    return Finding.whether(True, "measured {number}", number=Figure(m.number, "nowhere"))


def test_a_confirmed_claim_is_as_expected() -> None:
    result = judged("mmap.once")
    assert (result.verdict, result.as_expected, result.unexpected) == (Verdict.CONFIRMED, True, ())
    assert result.measured == "it failed with 16"
    assert result.figures == {"errno": Figure(16, "mmap", expected=16)}
    assert result.measurement == {"number": 16}
    assert result.explanation == ""
    assert 0 <= result.seconds < 5


def test_a_refuted_claim_states_what_is_true() -> None:
    result = judged("mmap.first-page")
    assert (result.verdict, result.as_expected) == (Verdict.REFUTED, True)
    assert result.what_is_true == "none until the first transaction"


def test_a_figure_other_than_the_expected_one_is_unexpected() -> None:
    result = judged("limit.figure")
    assert (result.verdict, result.as_expected) == (Verdict.CONFIRMED, False)
    assert result.unexpected == ("largest: got 1,040,380 bytes, expected 1,040,384 bytes",)
    assert result.unexpected[0] in result.explanation


def test_a_verdict_other_than_the_expected_one_is_unexpected() -> None:
    result = judged("limit.verdict")
    assert (result.verdict, result.as_expected) == (Verdict.REFUTED, False)
    assert result.expected is Verdict.CONFIRMED
    assert "got refuted, expected confirmed" in result.explanation


def test_without_a_facility_nothing_is_measured() -> None:
    result = judged("copy.binder-one")
    assert (result.verdict, result.as_expected) == (Verdict.NOT_TESTABLE, None)
    assert "this kernel has no /proc/kcore" in result.reason
    assert (result.figures, result.measurement) == ({}, None)


def test_a_measurement_may_find_a_facility_missing() -> None:
    def measure(_: FakeDevice) -> object:
        raise FacilityMissingError("the file is unreadable")

    result = judged_experiment(measure)
    assert (result.verdict, result.reason) == (Verdict.NOT_TESTABLE, "the file is unreadable")


def test_a_verdict_may_find_that_a_measurement_decides_nothing() -> None:
    claim = make_claim("mmap.some", seven, lambda *_: Finding.not_testable("events were lost"))
    result = judge(claim, cast(Any, FakeDevice()))
    assert (result.verdict, result.reason) == (Verdict.NOT_TESTABLE, "events were lost")
    assert (result.as_expected, result.measurement) == (None, {"number": 7})


def denied(kind: int) -> OSError:
    return OSError(kind, os.strerror(kind), "/proc/misc")


@pytest.mark.parametrize("kind", [errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_refused_without_root_is_not_testable(kind: int, wrapped: bool) -> None:
    def measure(_: FakeDevice) -> object:
        try:
            raise denied(kind)
        except OSError as error:
            if wrapped:
                raise ValueError("the records cannot be read") from error
            raise

    claim = make_claim("mmap.some", measure, confirmed)
    unrooted = dataclasses.replace(FACTS, root=False, reasons={Need.ROOT: "try `adb root`"})
    result = judge(claim, cast(Any, FakeDevice(unrooted)))
    assert result.verdict is Verdict.NOT_TESTABLE
    assert result.reason.startswith(
        f"/proc/misc: {os.strerror(kind)}; it needs root: try `adb root`. It can be tested on "
    )
    as_root = judge(claim, cast(Any, FakeDevice()))
    assert as_root.verdict is Verdict.ERROR
    assert leaked(as_root.reason) == []


def test_a_transaction_that_a_policy_forbids_is_not_testable_without_root() -> None:
    def measure(_: FakeDevice) -> object:
        raise transaction_error(BinderReturn.BR_FAILED_REPLY, errno.EPERM, 8, mapping=None, room=None)

    claim = make_claim("mmap.some", measure, confirmed)
    result = judge(claim, cast(Any, FakeDevice(dataclasses.replace(FACTS, root=False))))
    assert result.verdict is Verdict.NOT_TESTABLE
    assert "a security policy forbids it" in result.reason


def test_a_lost_device_is_lost() -> None:
    result = judged("proto.dies")
    assert (result.verdict, result.as_expected) == (Verdict.LOST, False)
    assert CONSOLE in result.reason


@pytest.mark.parametrize(("losses", "verdict"), [(1, Verdict.CONFIRMED), (2, Verdict.ERROR)])
def test_where_only_adb_lost_the_device_the_experiment_is_repeated_once(
    losses: int, verdict: Verdict
) -> None:
    runs: list[int] = []

    def measure(device: FakeDevice) -> object:
        runs.append(1)
        if len(runs) <= losses:
            device.lost_by_adb = True
            raise AgentDiedError("the connection ended", exit_status=None)
        return Measured(7)

    reported: list[str] = []
    device = FakeDevice()
    with reporting_to(reported.append):
        result = judge(make_claim("mmap.some", measure, confirmed), cast(Any, device))
    assert (result.verdict, len(runs)) == (verdict, 2)
    assert reported == [f"adb had lost {device.serial} and reaches it again: mmap.some is repeated"]


def test_any_failure_on_a_dead_device_is_a_loss() -> None:
    def measure(device: FakeDevice) -> object:
        device.alive = False
        raise BrokenPipeError("the stream ended")

    result = judged_experiment(measure)
    assert result.verdict is Verdict.LOST
    assert "the stream ended" in result.reason
    assert CONSOLE in result.reason


def test_a_finding_on_a_device_that_ended_meanwhile_is_a_loss() -> None:
    def measure(device: FakeDevice) -> Measured:
        device.alive = False
        return Measured(7)

    result = judged_experiment(measure)
    assert (result.verdict, result.measurement) == (Verdict.LOST, None)
    assert "would be confirmed" in result.reason


def test_a_facility_that_a_dead_device_lacks_is_not_missing() -> None:
    def measure(device: FakeDevice) -> Measured:
        device.alive = False
        raise FacilityMissingError("tracefs cannot be read")

    assert judged_experiment(measure).verdict is Verdict.LOST


@pytest.mark.parametrize("failure", [ValueError("nonsense"), BrokenPipeError(), FacilityMissingError("gone")])
def test_after_an_error_the_device_has_to_respond(failure: Exception) -> None:
    def measure(device: FakeDevice) -> Measured:
        device.silent = True
        raise failure

    result = judged_experiment(measure)
    assert (result.verdict, result.traceback) == (Verdict.LOST, "")
    assert "no longer responds (a fresh agent: not within 5 s)" in result.reason
    assert str(failure) in result.reason
    assert CONSOLE in result.reason


def test_a_device_that_never_answers_the_check_is_lost_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.experiments.core.judge.RESPONDS_WITHIN", 0.05)

    class Hung(FakeDevice):
        def check_responds(self, deadline: Deadline) -> None:  # noqa: ARG002
            threading.Event().wait(60)

    claim = make_claim("mmap.some", seven, lambda *_: Finding.whether(False, "unexpected"))
    assert judge(claim, cast(Any, Hung())).verdict is Verdict.LOST


def test_an_interruption_of_the_check_ends_the_run() -> None:
    class Interrupting(FakeDevice):
        def check_responds(self, deadline: Deadline) -> None:  # noqa: ARG002
            raise Interrupted(signal.SIGTERM)

    with pytest.raises(Interrupted):
        judge(CLAIMS_BY_ID["proto.breaks"], cast(Any, Interrupting()))


def test_what_a_device_lacks_is_not_blamed_on_its_connection() -> None:
    """Asking adb about it made the first such claim wait until adb had connected."""

    class Asked(FakeDevice):
        def recover(self, error: BaseException) -> bool:
            pytest.fail(f"adb is asked after {error!r}")

    facts = dataclasses.replace(FACTS, kcore=False)
    result = judge(CLAIMS_BY_ID["copy.binder-one"], cast(Any, Asked(facts)))
    assert result.verdict is Verdict.NOT_TESTABLE


def test_a_connection_that_is_lost_before_the_experiment_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device, errors = FakeDevice(), [OSError(errno.EPIPE, "lost while Java was put there")]

    def put(device: FakeDevice, **_: object) -> None:
        if errors:
            device.lost_by_adb = True
            raise errors.pop()

    monkeypatch.setattr("harness.experiments.core.judge.java_is_put", lambda *_: True)
    monkeypatch.setattr("harness.experiments.core.judge._put_java", put)
    assert judge(CLAIMS_BY_ID["mmap.once"], cast(Any, device)).verdict is Verdict.CONFIRMED


def test_an_unexpected_error_keeps_its_traceback() -> None:
    result = judged("proto.breaks")
    assert (result.verdict, result.as_expected) == (Verdict.ERROR, False)
    assert result.reason == "ValueError: a mistake in the experiment"
    assert "_breaks" in result.traceback


def test_the_failure_of_a_handler_is_in_the_result_of_its_caller() -> None:
    """The caller gets a status, and a run has no terminal on which the handler's traceback would be seen."""

    def served(_: FakeDevice) -> object:
        report = "The handler of <Call of code 1> failed; the caller gets status UNKNOWN_ERROR:\nTraceback"
        logging.getLogger("harness.binder.serving.nodes").error("%s", f"{report}\nValueError: no such name\n")
        raise StatusError(StatusCode.UNKNOWN_ERROR)

    result = judged_experiment(served)
    assert result.reason.splitlines()[1:] == [
        "The handler of <Call of code 1> failed; the caller gets status UNKNOWN_ERROR:",
        "ValueError: no such name",
    ]
    assert result.traceback.endswith("Traceback\nValueError: no such name\n")
    assert judged_experiment(served).traceback.count("no such name") == 1


def test_a_mistake_in_a_verdict_keeps_the_measurement() -> None:
    claim = make_claim("mmap.some", seven, lambda m, _: confirmed(m.missing, FACTS))
    result = judge(claim, cast(Any, FakeDevice()))
    assert (result.verdict, result.measurement) == (Verdict.ERROR, {"number": 7})


@pytest.mark.parametrize("failure", [OSError("busy"), DeviceLostError("gone"), TimeLimitError("too slow")])
def test_an_interruption_ends_the_run_though_the_clean_up_after_it_failed(failure: Exception) -> None:
    def measure(_: FakeDevice) -> object:
        try:
            raise Interrupted(signal.SIGTERM)
        finally:
            raise failure

    with pytest.raises(Interrupted, match="SIGTERM"):
        judged_experiment(measure)


def test_an_experiment_that_catches_every_oserror_still_ends_in_time() -> None:
    result = judged("proto.waits", seconds=0.05)
    assert result.verdict is Verdict.ERROR
    assert result.reason == "the experiment of proto.waits did not finish within 0.05 s"


def test_the_expectation_is_a_predicate_over_facts() -> None:
    on_16k = Expectation(
        "confirmed on 16 KiB pages, else refuted",
        lambda facts: Verdict.CONFIRMED if facts.page_size == 16384 else Verdict.REFUTED,
    )
    assert judged_experiment(seven, expected=on_16k).as_expected is False
    nothing = Expectation("nothing is expected", lambda _: None)
    assert judged_experiment(seven, expected=nothing).as_expected is None


def claim_about(verdict: Callable[[Measured, Facts], Finding]) -> Claim:
    return make_claim("mmap.some", seven, verdict)


def test_a_stored_result_is_judged_again_by_the_claim_as_it_is_now() -> None:
    def refuted(m: Measured, facts: Facts) -> Finding:
        return Finding.whether(m.number > facts.page_size, "only {n}", n=Figure(m.number, "x"))

    stored = judge(claim_about(confirmed), cast(Any, FakeDevice()))
    stored = from_json(Result, json.loads(json.dumps(to_json(stored))))
    assert judge_again(claim_about(confirmed), stored, FACTS) == stored
    again = judge_again(claim_about(refuted), stored, FACTS)
    assert (again.verdict, again.measured, again.seconds) == (Verdict.REFUTED, "only 7", stored.seconds)
    assert again.measurement == stored.measurement


def test_a_result_without_a_measurement_stays_as_it_is() -> None:
    lost = judged("proto.dies")
    assert judge_again(CLAIMS_BY_ID["proto.dies"], lost, FACTS) is lost


def test_a_measurement_of_another_shape_is_refused() -> None:
    stored = dataclasses.replace(judged_experiment(seven), measurement={"size": 7})
    with pytest.raises(ValueError, match=r"the measurement of mmap\.some has unknown fields: size"):
        judge_again(claim_about(confirmed), stored, FACTS)


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
