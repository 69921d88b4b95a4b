"""Verdicts on libbinder's ProcessState, over made-up measurements."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable
from typing import Any

from harness.experiments.core.figure import fill
from harness.experiments.libbinder import claims
from harness.experiments.libbinder.process_state import ChildUse, MaximumThreads, MissingDriver, ProcessState
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONFIRMED,
    REFUTED,
    Case,
)

STATE = ProcessState(1000, 1, (3,), (1_040_384,), ("r--p",), (("mr", "nr", "rd"),))
MISSING = MissingDriver("/dev/missing", "/dev/binder", ("/dev/binder",), None, "is unavailable")
REFUSED = ChildUse("checkService", None, int(signal.SIGABRT), "libbinder: used after a fork")
CHILD_STATE = '{"same_object": true, "descriptors": [{"descriptor": 3}], "mappings": []}'
ALLOWED = ChildUse("ProcessState::self", CHILD_STATE, None, "")

change: Callable[..., Any] = dataclasses.replace

CASES: list[Case] = [
    (claims.max_threads, MaximumThreads(15), CONFIRMED),
    (claims.max_threads, MaximumThreads(16), REFUTED),
    (claims.singleton, STATE, CONFIRMED),
    (claims.singleton, change(STATE, objects=2), REFUTED),
    (claims.singleton, change(STATE, descriptors=(3, 4)), REFUTED),
    (claims.singleton, change(STATE, mappings=()), REFUTED),
    (claims.mapping_flags, STATE, CONFIRMED),
    (claims.mapping_flags, change(STATE, permissions=("rw-p",)), REFUTED),
    (claims.mapping_flags, change(STATE, permissions=("r--s",)), REFUTED),
    (claims.mapping_flags, change(STATE, vm_flags=(("mr", "rd"),)), REFUTED),
    (claims.mapping_flags, change(STATE, permissions=(), vm_flags=()), REFUTED),
    (claims.driver_fallback, MISSING, CONFIRMED),
    (claims.driver_fallback, change(MISSING, used=None, mapped=(), signal=6), REFUTED),
    (claims.driver_fallback, change(MISSING, used=None, mapped=(), signal=40), REFUTED),
    (claims.driver_fallback, change(MISSING, used="/dev/vndbinder"), REFUTED),
    (claims.driver_fallback, change(MISSING, mapped=()), REFUTED),
    (claims.fork_check, (REFUSED,), CONFIRMED),
    (claims.fork_check, (ALLOWED, REFUSED), REFUTED),
    (claims.fork_check, (change(REFUSED, signal=int(signal.SIGSEGV)),), REFUTED),
    (claims.fork_check, (change(REFUSED, signal=None),), REFUTED),
]


def test_generations_that_do_the_same_do_not_differ() -> None:
    """Which library it was is said beside the device."""
    other = change(STATE, library="AOSP's libbinder of Android 14, built by Binder harness")
    for verdict in (claims.singleton, claims.mapping_flags):
        figures = [verdict(state, FACTS).figures for state in (STATE, other)]
        differing = [name for name in figures[0] if figures[0][name] != figures[1][name]]
        assert differing == ["library"]
        assert figures[0]["library"].varies


def test_each_use_in_a_child_has_a_figure() -> None:
    finding = claims.fork_check((ALLOWED, change(REFUSED, signal=int(signal.SIGSEGV))), FACTS)
    assert {name: figure.value for name, figure in finding.figures.items()} == {
        "outcome.process_state_self": ["its parent's object", "1 descriptor", "no mappings"],
        "outcome.check_service": "killed by signal 11",
        "library": "AOSP's libbinder of Android 11, built by Binder harness",
    }
    assert fill(finding.sentence, {name: str(figure) for name, figure in finding.figures.items()}) == (
        "ProcessState::self in the child: gives its parent's object, 1 descriptor and no mappings; "
        "checkService in the child: killed by signal 11 (SIGSEGV)"
    )
