"""Verdicts about copies over made-up measurements: each figure is changed in turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import pytest

from harness.experiments.copies import claims, shared_memory_claims
from harness.experiments.copies.binder_channel import Arrival
from harness.experiments.copies.copies import BinderCopies, OtherCopies
from harness.experiments.copies.copy_functions import BINDER_IN, PIPE_IN, PIPE_OUT, Copied, CopyFunction, Move
from harness.experiments.copies.scatter_gather import BUFFER, DATA, OBJECT, OFFSETS, Part, ScatterGather
from harness.experiments.copies.shared_memory import SharedMemory, Sharing
from harness.experiments.copies.synchronisation import Additions, CalledAdditions, InterleavedAdditions
from harness.experiments.copies.transfers import Touched, Transfer
from harness.experiments.core.claim import Topic
from harness.experiments.core.figure import fill
from harness.experiments.core.finding import Finding
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONFIRMED,
    NOT_TESTABLE,
    REFUTED,
    Case,
    VerdictFunction,
    claims_of,
)

MAPPING = 1_040_384
ADDRESS = 0x7F00_0000_0000

change: Callable[..., Any] = dataclasses.replace


def copied(function: CopyFunction, size: int, *, into: int | None = None, out: int | None = None) -> Copied:
    return Copied((Move(function.name, size, None),) if size else (), into, out)


def through_binder(size: int) -> Transfer:
    touched = Touched((1, 1, 1), 1, (0, 0, 0))
    sent, received = copied(BINDER_IN, size, into=size, out=0), copied(BINDER_IN, 0, into=0, out=64)
    return Transfer("Binder", size, True, True, touched, sent, received)


def through_pipe(size: int) -> Transfer:
    touched = Touched((1, 1, 1), 0, (1, 1, 1))
    return Transfer("pipe", size, False, True, touched, copied(PIPE_IN, size), copied(PIPE_OUT, size))


BINDER = BinderCopies(
    (through_binder(100), through_binder(10_000)),
    (Arrival(72, ADDRESS), Arrival(72, ADDRESS)),
    mapping=ADDRESS,
    mapped=MAPPING,
)
OTHERS = OtherCopies((through_pipe(100), through_pipe(8_000)), {"socket": "Permission denied"})
GATHERED = ScatterGather(
    (
        Part(DATA, 0, 1_000, 1_000, 1),
        Part(OBJECT, 1_000, 40, 0, 1),
        Part(OFFSETS, 1_040, 8, 8, 1),
        Part(BUFFER, 1_048, 3_001, 3_001, 1),
        Part(BUFFER, 4_056, 10, None, None),
    ),
    arrived=True,
    from_kernel=40,
    to_kernel=8,
)
SHARING = Sharing("memfd", 10_000, True, True, (0,) * 6, (5, 6, 7), (5, 6, 7))
SHARED = SharedMemory((SHARING,), missing={}, copied=0)
ADDITIONS = Additions(InterleavedAdditions((0, 0), 1), CalledAdditions(2, (1, 2), 2))


def binder(**changes: object) -> BinderCopies:
    """Copies through Binder, of which the last transfer is another."""
    return cast(BinderCopies, change(BINDER, transfers=_with_last(BINDER.transfers, changes)))


def arriving(*last: Arrival) -> BinderCopies:
    return cast(BinderCopies, change(BINDER, arrivals=(BINDER.arrivals[0], *last)))


def others(**changes: object) -> OtherCopies:
    """Copies through other channels, of which the last transfer is another."""
    return cast(OtherCopies, change(OTHERS, transfers=_with_last(OTHERS.transfers, changes)))


def gathered(place: int, **changes: object) -> ScatterGather:
    """A call with several buffers, of which the part at that place is another."""
    parts = [*GATHERED.parts]
    parts[place] = change(parts[place], **changes)
    return cast(ScatterGather, change(GATHERED, parts=tuple(parts)))


def shared(**changes: object) -> SharedMemory:
    return cast(SharedMemory, change(SHARED, sharings=(change(SHARING, **changes),)))


def without(measured: Any, **missing: None) -> Any:
    """What is measured on a device that lacks one of the instruments."""
    return change(measured, transfers=tuple(change(transfer, **missing) for transfer in measured.transfers))


def _with_last(transfers: tuple[Transfer, ...], changes: dict[str, object]) -> tuple[Transfer, ...]:
    return (*transfers[:-1], change(transfers[-1], **changes))


CASES: list[Case] = [
    (claims.binder_copies_once, BINDER, CONFIRMED),
    (claims.binder_copies_once, without(BINDER, touched=None), CONFIRMED),
    (claims.binder_copies_once, without(BINDER, sent=None, received=None), CONFIRMED),
    (claims.binder_copies_once, binder(touched=Touched((1, 1, 1), None, (0, 0, 0))), CONFIRMED),
    (claims.binder_copies_once, binder(at_receiver_once_sent=False), REFUTED),
    (claims.binder_copies_once, binder(at_receiver_once_received=False), REFUTED),
    (claims.binder_copies_once, binder(touched=Touched((1, 2, 1), 1, (0, 0, 0))), REFUTED),
    (claims.binder_copies_once, binder(touched=Touched((1, 1, 1), 1, (1, 1, 1))), REFUTED),
    (claims.binder_copies_once, binder(touched=Touched((1, 1, 1), 0, (0, 0, 0))), REFUTED),
    (claims.binder_copies_once, binder(sent=copied(BINDER_IN, 20_000)), REFUTED),
    (claims.binder_copies_once, binder(sent=copied(BINDER_IN, 9_999)), REFUTED),
    (claims.binder_copies_once, binder(received=copied(PIPE_OUT, 1)), REFUTED),
    (claims.binder_copies_once, arriving(Arrival(10_072, ADDRESS)), REFUTED),
    (claims.binder_copies_once, arriving(Arrival(72, ADDRESS - 8)), REFUTED),
    (claims.binder_copies_once, arriving(Arrival(72, ADDRESS + MAPPING - 9_999)), REFUTED),
    (claims.others_copy_twice, OTHERS, CONFIRMED),
    (claims.others_copy_twice, without(OTHERS, touched=None), CONFIRMED),
    (claims.others_copy_twice, without(OTHERS, sent=None, received=None), CONFIRMED),
    (claims.others_copy_twice, others(at_receiver_once_sent=True), REFUTED),
    (claims.others_copy_twice, others(at_receiver_once_received=False), REFUTED),
    (claims.others_copy_twice, others(touched=Touched((0, 0, 0), 0, (1, 1, 1))), REFUTED),
    (claims.others_copy_twice, others(touched=Touched((1, 1, 1), 1, (1, 1, 1))), REFUTED),
    (claims.others_copy_twice, others(touched=Touched((1, 1, 1), 0, (0, 0, 0))), REFUTED),
    (claims.others_copy_twice, others(sent=copied(PIPE_IN, 0)), REFUTED),
    (claims.others_copy_twice, others(received=copied(PIPE_OUT, 16_000)), REFUTED),
    (claims.others_copy_twice, OtherCopies((), {}), NOT_TESTABLE),
    (claims.others_copy_twice, OtherCopies((), {"pipe": "Permission denied"}), NOT_TESTABLE),
    (claims.scatter_gather_copies_once, GATHERED, CONFIRMED),
    (claims.scatter_gather_copies_once, gathered(0, copied=2_000), REFUTED),
    (claims.scatter_gather_copies_once, gathered(3, copied=0), REFUTED),
    (claims.scatter_gather_copies_once, gathered(3, touched=2), REFUTED),
    (claims.scatter_gather_copies_once, gathered(0, touched=0), REFUTED),
    (claims.scatter_gather_copies_once, gathered(1, copied=40, touched=2), CONFIRMED),
    (claims.scatter_gather_copies_once, change(GATHERED, arrived=False), REFUTED),
    (claims.scatter_gather_copies_once, change(GATHERED, from_kernel=None, to_kernel=None), CONFIRMED),
    (shared_memory_claims.shared_memory_copies_nothing, SHARED, CONFIRMED),
    (shared_memory_claims.shared_memory_copies_nothing, change(SHARED, copied=None), CONFIRMED),
    (shared_memory_claims.shared_memory_copies_nothing, shared(touched=None), CONFIRMED),
    (shared_memory_claims.shared_memory_copies_nothing, shared(first_saw_second=False), REFUTED),
    (shared_memory_claims.shared_memory_copies_nothing, shared(second_saw_first=False), REFUTED),
    (shared_memory_claims.shared_memory_copies_nothing, shared(second_frames=(5, 6, 8)), REFUTED),
    (shared_memory_claims.shared_memory_copies_nothing, shared(touched=(0, 0, 0, 0, 1, 0)), REFUTED),
    (shared_memory_claims.shared_memory_copies_nothing, change(SHARED, copied=8), REFUTED),
    (shared_memory_claims.shared_memory_copies_nothing, SharedMemory((), {}, None), NOT_TESTABLE),
    (shared_memory_claims.shared_memory_is_unsynchronised, ADDITIONS, CONFIRMED),
    *(
        (shared_memory_claims.shared_memory_is_unsynchronised, change(ADDITIONS, **changes), REFUTED)
        for changes in (
            {"shared": InterleavedAdditions((0, 1), 2)},
            {"called": CalledAdditions(1, (1, 2), 2)},
            {"called": CalledAdditions(2, (1, 1), 1)},
            {"called": CalledAdditions(2, (1,), 2)},
        )
    ),
]


def measured_sentence(finding: Finding) -> str:
    return fill(finding.sentence, {name: str(figure) for name, figure in finding.figures.items()})


@pytest.mark.parametrize(
    ("function", "measured"),
    [
        (claims.binder_copies_once, BINDER),
        (claims.others_copy_twice, OTHERS),
        (claims.scatter_gather_copies_once, GATHERED),
        (shared_memory_claims.shared_memory_copies_nothing, SHARED),
        (shared_memory_claims.shared_memory_is_unsynchronised, ADDITIONS),
    ],
)
def test_the_figures_of_linux_6_12_are_as_expected(function: VerdictFunction, measured: object) -> None:
    finding = function(measured, FACTS)
    assert finding.verdict is claims_of(Topic.COPIES)[function].expected_verdict(FACTS)
    assert all(figure.as_expected for figure in finding.figures.values())


def test_a_payload_read_with_its_announcement_is_unexpected() -> None:
    finding = claims.binder_copies_once(arriving(Arrival(10_072, ADDRESS)), FACTS)
    unexpected = {name: str(figure) for name, figure in finding.figures.items() if not figure.as_expected}
    assert unexpected == {"bytes_read": "72 and 10,072 bytes"}


@pytest.mark.parametrize("missing", [{"touched": None}, {"sent": None, "received": None}])
def test_one_instrument_is_enough_to_count_copies(missing: dict[str, None]) -> None:
    through_binder = claims.binder_copies_once(without(BINDER, **missing), FACTS)
    assert measured_sentence(through_binder) == (
        "Binder made 1 copy of each byte while it was sent and 0 copies while it was received, with payloads "
        "of 100 and 10,000 bytes; each of the receiver's ioctls read 72 bytes"
    )
    through_others = claims.others_copy_twice(without(OTHERS, **missing), FACTS)
    assert measured_sentence(through_others) == "of each byte, the pipe made 1 copy in and 1 copy out"


def test_different_numbers_of_copies_are_all_stated() -> None:
    half = claims.binder_copies_once(binder(sent=copied(BINDER_IN, 15_000)), FACTS)
    assert "1 and 1.5 copies of each byte while it was sent" in measured_sentence(half)


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [
        (
            SHARED,
            "the same in both; meanwhile the kernel touched the watched bytes 0 times and copied 0 bytes",
        ),
        (shared(touched=None), "the same in both; meanwhile the kernel copied 0 bytes"),
        (shared(second_frames=(1, 2, 3)), "; the frames behind the memory were not the same in both; "),
        (shared(first_frames=None, second_frames=None), "what the other wrote; meanwhile the kernel"),
        (change(shared(touched=None), copied=None), "; the frames behind the memory were the same in both"),
    ],
)
def test_only_what_the_device_shows_of_shared_memory_is_stated(measured: SharedMemory, outcome: str) -> None:
    finding = shared_memory_claims.shared_memory_copies_nothing(measured, FACTS)
    assert outcome in measured_sentence(finding)


def test_frames_that_are_hidden_are_not_stated_to_be_the_same() -> None:
    hidden = shared(first_frames=None, second_frames=None)
    figures = shared_memory_claims.shared_memory_copies_nothing(hidden, FACTS).figures
    assert figures["same_frames"].value is None
