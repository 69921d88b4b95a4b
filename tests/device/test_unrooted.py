"""A device that is not root and has no debug files mounted: claims are testable or not, but never crash."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from emulator.adb.adbd import become_shell
from emulator.adb.client import AdbClient
from emulator.base.deadline import Deadline
from harness.device.device import Device, open_device
from harness.device.facts import Need
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.judge import judge
from tests.support.sentences import leaked

HIDDEN = (Need.ROOT, Need.BINDER_DEBUG, Need.TRACING, Need.KPROBES, Need.PAGEMAP, Need.KCORE)


@pytest.fixture(scope="module")
def unrooted() -> Iterator[Device]:
    """The embedded device made like a phone of somebody who has just switched on USB debugging."""
    with ExitStack() as stack:
        booted = stack.enter_context(open_device("embedded"))
        booted.shell("umount /sys/kernel/debug")
        become_shell(AdbClient(), booted.serial, Deadline(30))
        yield stack.enter_context(open_device(f"adb:{booted.serial}"))


@pytest.mark.parametrize("need", HIDDEN)
def test_what_it_hides_is_missing_with_a_reason(unrooted: Device, need: Need) -> None:
    assert not need.met_by(unrooted.facts)
    assert unrooted.facts.reasons[need]


def test_binder_itself_is_open_to_it(unrooted: Device) -> None:
    assert unrooted.facts.free_binder_device == "/dev/vndbinder"
    assert unrooted.facts.binder_protocol == 8


@pytest.mark.parametrize("claim_id", CLAIMS.all())
def test_a_claim_is_as_expected_or_not_testable(unrooted: Device, claim_id: str) -> None:
    result = judge(CLAIMS.get(claim_id), unrooted)
    assert result.as_expected is not False, result.explanation + result.traceback
    assert leaked(f"{result.measured} {result.reason}") == []
    if result.verdict is Verdict.NOT_TESTABLE:
        assert "can be tested on" in result.reason
