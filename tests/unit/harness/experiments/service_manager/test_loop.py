"""The steps of a service manager's start, out of a trace, and whether they are those that are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.core.claim import Verdict
from harness.experiments.instruments.generations import HOLDS_IN_C, some_hold
from harness.experiments.service_manager.claims import starts_as_told
from harness.experiments.service_manager.loop import read_size, steps_of
from harness.kernel.tracing.events import parse_trace
from tests.support.fake_device import FACTS

TRACE = """\
# tracer: nop
 manager-200 [000] ..... 1.000001: binder_open_entry: (binder_open+0x0/0x3b0 [binder_linux])
 manager-200 [000] ..... 1.000002: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0046209 read_size=0
 manager-200 [000] ..... 1.000003: binder_mmap_entry: (binder_mmap+0x0/0x120 [binder_linux])
 manager-200 [000] ..... 1.000004: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0x4018620d read_size=0
 manager-200 [000] ..... 1.000005: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0306201 read_size=0
 manager-200 [000] ..... 1.000006: binder_command: cmd=0x630c BC_ENTER_LOOPER
 manager-200 [000] ..... 1.000007: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0306201 read_size=128
 manager-200 [000] ..... 1.000008: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0x4004627f read_size=128
 manager-200 [000] ..... 1.000009: binder_ioctl_entry: (binder_ioctl+0x0/0x9e0) cmd=0xc0306201 read_size=128
"""
STEPS = (
    "open",
    "BINDER_VERSION",
    "mmap",
    "BINDER_SET_CONTEXT_MGR_EXT",
    "BC_ENTER_LOOPER",
    "read 128",
    "ioctl 0x4004627f",
    "read 128",
)


def test_steps_of_a_trace() -> None:
    events = parse_trace(TRACE).events
    assert steps_of(events) == STEPS
    assert [read_size(event) for event in events] == [0, 0, 0, 0, 0, 0, 128, 0, 128]


def test_a_start_as_it_is_told() -> None:
    assert starts_as_told(STEPS)
    assert starts_as_told([step.removesuffix("_EXT") for step in STEPS])


@given(st.permutations(range(6)))
def test_another_order_is_another_start(order: list[int]) -> None:
    steps = [*(STEPS[place] for place in order), "read 128"]
    assert starts_as_told(steps) == (order == sorted(order))


@pytest.mark.parametrize("missing", range(6))
def test_a_missing_step_is_missed(missing: int) -> None:
    assert not starts_as_told([step for step in STEPS if step != STEPS[missing]])


def test_one_read_is_no_loop() -> None:
    assert not starts_as_told(STEPS[:6])


def test_what_holds_in_some_cases() -> None:
    assert some_hold([True, True]) is Verdict.CONFIRMED
    assert some_hold([True, False]) is Verdict.CONDITIONAL
    assert some_hold([False]) is Verdict.REFUTED


@pytest.mark.parametrize(
    ("level", "verdict"), [(None, Verdict.CONDITIONAL), (29, Verdict.CONFIRMED), (30, Verdict.REFUTED)]
)
def test_which_generation_a_device_has(level: int | None, verdict: Verdict) -> None:
    from dataclasses import replace

    assert HOLDS_IN_C.verdict(replace(FACTS, api_level=level)) is verdict
