"""Verdicts on the service manager itself, over made-up measurements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.figure import fill
from harness.experiments.core.finding import Verdict
from harness.experiments.instruments.generations import Generation
from harness.experiments.service_manager import claims
from harness.experiments.service_manager.context_manager import FirstCalls, HandleZero, SecondContextManager
from harness.experiments.service_manager.loop import ReadBuffer, Start
from harness.experiments.service_manager.restart import ServiceRestart
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONDITIONAL,
    CONFIRMED,
    NOT_TESTABLE,
    REFUTED,
    Case,
    check,
)

IN_C, ON_LIBBINDER = Generation.IN_C, Generation.ON_LIBBINDER
HANDLE_ZERO = HandleZero("success", "Android 11", 89, 89, (1, 2))
SINGLE = SecondContextManager("EBUSY", "EBUSY", "success", "EBUSY", "EBUSY")
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
READ_IN_C = ReadBuffer(IN_C, (128,), complete=True)
READ_ON_LIBBINDER = ReadBuffer(ON_LIBBINDER, (256,), complete=True)
DECLARED = ("audioserver", "media", "surfaceflinger", "zygote")
RAN = ("surfaceflinger", "zygote")
RESTART = ServiceRestart(DECLARED, RAN, RAN, manager_restarted=True)
ONLY_READ = ServiceRestart(DECLARED, (), (), manager_restarted=None)
FIRST_CALLS = FirstCalls(89, ("PING_TRANSACTION", "checkService"), (89, 89), (0, 0), complete=True)

change: Callable[..., Any] = dataclasses.replace


def starts(*of_generations: tuple[str, ...], complete: bool = True) -> tuple[Start, ...]:
    """One start for each generation."""
    return tuple(
        Start(generation, steps, complete)
        for generation, steps in zip(Generation, of_generations, strict=False)
    )


CASES: list[Case] = [
    (claims.handle_zero, HANDLE_ZERO, CONFIRMED),
    (claims.handle_zero, change(HANDLE_ZERO, service_manager=None), CONFIRMED),
    (claims.handle_zero, change(HANDLE_ZERO, service_manager=None, owner=None), CONFIRMED),
    (claims.handle_zero, change(HANDLE_ZERO, handles_found=()), CONFIRMED),
    (claims.handle_zero, change(HANDLE_ZERO, owner=90), REFUTED),
    (claims.handle_zero, change(HANDLE_ZERO, owner=0), REFUTED),
    (claims.handle_zero, change(HANDLE_ZERO, handles_found=(1, 0)), REFUTED),
    (claims.handle_zero, change(HANDLE_ZERO, ping="BR_DEAD_REPLY"), REFUTED),
    (claims.single_context_manager, SINGLE, CONFIRMED),
    (claims.single_context_manager, SecondContextManager("EBUSY", "EBUSY", None, None, None), CONFIRMED),
    (claims.single_context_manager, change(SINGLE, beside_service_manager="success"), REFUTED),
    (claims.single_context_manager, change(SINGLE, beside_service_manager_extended="EPERM"), REFUTED),
    (claims.single_context_manager, change(SINGLE, beside_it="success"), REFUTED),
    (claims.single_context_manager, change(SINGLE, once_more="success"), REFUTED),
    (claims.start_sequence, starts(STEPS), CONFIRMED),
    (claims.start_sequence, starts(STEPS, STEPS), CONFIRMED),
    (claims.start_sequence, starts(tuple(step.removesuffix("_EXT") for step in STEPS)), CONFIRMED),
    (claims.start_sequence, starts(STEPS[:6]), REFUTED),  # one read is no loop
    (claims.start_sequence, starts(STEPS, STEPS[:6]), REFUTED),
    (claims.start_sequence, starts(STEPS, complete=False), NOT_TESTABLE),
    (claims.read_buffer, (READ_IN_C,), CONFIRMED),
    (claims.read_buffer, (READ_ON_LIBBINDER,), REFUTED),
    (claims.read_buffer, (READ_ON_LIBBINDER, READ_IN_C), CONDITIONAL),
    (claims.read_buffer, (change(READ_IN_C, sizes=(128, 256)),), REFUTED),
    (claims.read_buffer, (change(READ_IN_C, sizes=()),), NOT_TESTABLE),  # no read was seen
    (claims.read_buffer, (READ_ON_LIBBINDER, change(READ_IN_C, complete=False)), NOT_TESTABLE),
    (claims.restart, RESTART, CONFIRMED),
    (claims.restart, ONLY_READ, CONFIRMED),
    (claims.restart, change(ONLY_READ, declared=("zygote", "media")), REFUTED),
    (claims.restart, change(ONLY_READ, declared=()), REFUTED),
    (claims.restart, change(RESTART, restarted=("zygote",)), REFUTED),
    (claims.restart, change(RESTART, manager_restarted=False), REFUTED),
    (claims.first_ping, FIRST_CALLS, CONFIRMED),
    (claims.first_ping, change(FIRST_CALLS, handles=None), CONFIRMED),
    (claims.first_ping, change(FIRST_CALLS, handles=(1, 0)), REFUTED),
    (claims.first_ping, change(FIRST_CALLS, receivers=(90, 89)), REFUTED),
    (claims.first_ping, change(FIRST_CALLS, calls=("checkService", "PING_TRANSACTION")), REFUTED),
    (claims.first_ping, change(FIRST_CALLS, calls=FIRST_CALLS.calls[:1], receivers=(89,)), REFUTED),
    (claims.first_ping, change(FIRST_CALLS, calls=(), receivers=(), handles=()), REFUTED),
    (claims.first_ping, change(FIRST_CALLS, complete=False), NOT_TESTABLE),
]


@given(st.permutations(range(6)))
def test_another_order_is_another_start(order: list[int]) -> None:
    steps = (*(STEPS[place] for place in order), "read 128")
    verdict = CONFIRMED if order == sorted(order) else REFUTED
    check(claims.start_sequence, starts(steps), verdict)


@pytest.mark.parametrize("missing", range(6))
def test_a_start_needs_each_step(missing: int) -> None:
    check(claims.start_sequence, starts(tuple(step for step in STEPS if step != STEPS[missing])), REFUTED)


def test_each_generation_has_figures_of_its_own() -> None:
    finding = claims.read_buffer((READ_ON_LIBBINDER, READ_IN_C), FACTS)
    assert list(finding.figures) == ["read_size.on_libbinder", "read_size.in_c"]
    assert all(figure.as_expected for figure in finding.figures.values())
    assert fill(finding.sentence, {name: str(figure) for name, figure in finding.figures.items()}) == (
        "on libbinder, from Android 11 on: its reads ask for 256 bytes; "
        "in C, to Android 10: its reads ask for 128 bytes"
    )


@pytest.mark.parametrize("reads", [change(READ_IN_C, sizes=(256,)), change(READ_ON_LIBBINDER, sizes=(128,))])
def test_a_read_of_the_other_generation_s_size_is_unexpected(reads: ReadBuffer) -> None:
    finding = claims.read_buffer((reads,), FACTS)
    assert not finding.figures[f"read_size.{reads.generation}"].as_expected


@pytest.mark.parametrize(
    ("claim", "level", "verdict"),
    [
        ("sm.read-buffer", None, CONDITIONAL),
        ("sm.read-buffer", 29, CONFIRMED),
        ("sm.read-buffer", 30, REFUTED),
        ("sm.restart", 30, CONFIRMED),
        ("sm.restart", 31, None),
    ],
)
def test_the_expectation_follows_from_the_release(
    claim: str, level: int | None, verdict: Verdict | None
) -> None:
    assert CLAIMS.get(claim).expected_verdict(dataclasses.replace(FACTS, api_level=level)) is verdict
