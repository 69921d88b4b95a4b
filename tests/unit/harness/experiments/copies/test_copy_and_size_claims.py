"""Verdicts about copies and sizes over made-up measurements: each figure is bent in turn."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from harness.device.device import Device
from harness.device.facts import FacilityMissingError
from harness.experiments.copies import claims as one_copy
from harness.experiments.copies import shared_memory_claims as shared_memory
from harness.experiments.copies.binder_channel import Answer
from harness.experiments.copies.copies import BinderCopies, OtherCopies
from harness.experiments.copies.copy_functions import BINDER_IN, PIPE_IN, PIPE_OUT, Copied, CopyFunction, Move
from harness.experiments.copies.scatter_gather import BUFFER, DATA, OBJECT, OFFSETS, Part, ScatterGather
from harness.experiments.copies.shared_memory import SharedMemory, Sharing
from harness.experiments.copies.synchronisation import CalledAdditions, InterleavedAdditions
from harness.experiments.copies.transfers import Touched, Transfer
from harness.experiments.core.claim import CLAIMS, Finding, Verdict
from harness.experiments.limits import claims as size_limits
from harness.experiments.limits.shared_room import SharedRoom
from harness.experiments.limits.size_limit import LargestCall, LargestOneWay, Limit
from harness.experiments.limits.too_large import Holdings, Logged, Refusal, Refusals
from tests.support.fake_device import FACTS

CONFIRMED, REFUTED = Verdict.CONFIRMED, Verdict.REFUTED
MAPPING = 1_040_384
ADDRESS = 0x7F00_0000_0000


def device(**facts: Any) -> Device:
    changed = dataclasses.replace(FACTS, driver_ioctls=frozenset({"BINDER_GET_EXTENDED_ERROR"}), **facts)
    return cast(Device, SimpleNamespace(facts=changed))


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
    (Answer(72, ADDRESS), Answer(72, ADDRESS)),
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
SHARED = SharedMemory(
    (Sharing("memfd", 10_000, True, True, (0,) * 6, (5, 6, 7), (5, 6, 7)),), missing={}, copied=0
)
INTERLEAVED = InterleavedAdditions((0, 0), 1)
CALLED = CalledAdditions(2, (1, 2), 2)


def limit(largest: int) -> Limit:
    return Limit(largest, 20, errno.ENOSPC)


LARGEST = LargestCall(MAPPING, limit(MAPPING), limit(MAPPING - 8), True)
ONE_WAY = LargestOneWay(MAPPING, limit(MAPPING // 2), True, MAPPING // 2, 8)
ROOM = SharedRoom(
    MAPPING,
    kept=100_003,
    unanswered=50_001,
    one_way=1,
    alone=limit(MAPPING),
    beside_kept=limit(MAPPING - 100_008),
    beside_all=limit(MAPPING - 150_024),
    with_hole=limit(MAPPING - 150_024),
    at_last=limit(MAPPING),
)
REFUSAL = Refusal(MAPPING + 1, "BR_FAILED_REPLY", errno.ENOSPC, Logged("BR_FAILED_REPLY", errno.ENOSPC))
HELD = Holdings(0, MAPPING // 2)
TOO_LARGE = Refusals(MAPPING, REFUSAL, REFUSAL, True, HELD, HELD)

SOURCES: dict[str, tuple[ModuleType, dict[str, object]]] = {
    "copy.binder-one": (one_copy, {"measure_binder_copies": BINDER}),
    "copy.others-two": (one_copy, {"measure_other_copies": OTHERS}),
    "copy.scatter-gather": (one_copy, {"measure_scatter_gather": GATHERED}),
    "copy.shm-zero": (shared_memory, {"measure_shared_memory": SHARED}),
    "copy.shm-unsynchronised": (
        shared_memory,
        {"measure_shared_additions": INTERLEAVED, "measure_called_additions": CALLED},
    ),
    "limit.largest-sync": (size_limits, {"measure_largest_call": LARGEST}),
    "limit.largest-oneway": (size_limits, {"measure_largest_one_way": ONE_WAY}),
    "limit.shared-by-calls": (size_limits, {"measure_shared_room": ROOM}),
    "limit.failure-clean": (size_limits, {"measure_too_large": TOO_LARGE}),
}
"""Each claim's measurements, as a device shows them whose driver is the one in C of Linux 6.12."""

Judge = Callable[..., Finding]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """The finding of a claim whose measurements are the usual ones, but for those given."""

    def find(claim: str, *bent: object, on: Device | None = None) -> Finding:
        module, usual = SOURCES[claim]
        for name, figures in usual.items():
            replaced = next((one for one in bent if type(one) is type(figures)), figures)
            monkeypatch.setattr(module, name, lambda _, figures=replaced: figures)
        return CLAIMS.get(claim).run(on or device())

    return find


@pytest.mark.parametrize("claim", SOURCES)
def test_the_figures_of_linux_6_12_are_as_known(judge: Judge, claim: str) -> None:
    finding = judge(claim)
    assert finding.verdict is CLAIMS.get(claim).known_verdict(device().facts)
    assert finding.deviations == ()


def second(transfers: tuple[Transfer, ...], **changes: Any) -> tuple[Transfer, ...]:
    """The transfers with the last one changed."""
    return (*transfers[:-1], dataclasses.replace(transfers[-1], **changes))


TWICE_READ = Touched((1, 2, 1), 1, (0, 0, 0))
WRITTEN_BY_RECEIVER = Touched((1, 1, 1), 1, (1, 1, 1))
NOT_WRITTEN_BY_SENDER = Touched((1, 1, 1), 0, (0, 0, 0))


@pytest.mark.parametrize(
    "changes",
    [
        {"there_once_sent": False},
        {"there_once_received": False},
        {"touched": TWICE_READ},
        {"touched": WRITTEN_BY_RECEIVER},
        {"touched": NOT_WRITTEN_BY_SENDER},
        {"sent": copied(BINDER_IN, 20_000)},
        {"sent": copied(BINDER_IN, 9_999)},
        {"received": copied(PIPE_OUT, 1)},
    ],
)
def test_any_sign_of_another_copy_refutes_binder_s_one(judge: Judge, changes: dict[str, Any]) -> None:
    bent = dataclasses.replace(BINDER, transfers=second(BINDER.transfers, **changes))
    assert judge("copy.binder-one", bent).verdict is REFUTED


@pytest.mark.parametrize(
    "answers",
    [
        (Answer(72, ADDRESS), Answer(10_072, ADDRESS)),
        (Answer(72, ADDRESS), Answer(72, ADDRESS - 8)),
        (Answer(72, ADDRESS), Answer(72, ADDRESS + MAPPING - 9_999)),
    ],
)
def test_an_answer_that_carries_the_payload_or_leads_elsewhere_refutes_it(
    judge: Judge, answers: tuple[Answer, ...]
) -> None:
    assert judge("copy.binder-one", dataclasses.replace(BINDER, answers=answers)).verdict is REFUTED


@pytest.mark.parametrize("missing", [{"touched": None}, {"sent": None, "received": None}])
def test_one_instrument_is_enough(judge: Judge, missing: dict[str, None]) -> None:
    def without(transfers: tuple[Transfer, ...]) -> tuple[Transfer, ...]:
        return tuple(dataclasses.replace(transfer, **cast(Any, missing)) for transfer in transfers)

    for claim, usual in (("copy.binder-one", BINDER), ("copy.others-two", OTHERS)):
        finding = judge(claim, dataclasses.replace(cast(Any, usual), transfers=without(usual.transfers)))
        assert finding.verdict is CONFIRMED
        assert ("1 + 0" if claim == "copy.binder-one" else "1 + 1") in finding.measured


@pytest.mark.parametrize(
    "changes",
    [
        {"there_once_sent": True},
        {"there_once_received": False},
        {"touched": Touched((0, 0, 0), 0, (1, 1, 1))},
        {"touched": Touched((1, 1, 1), 1, (1, 1, 1))},
        {"touched": Touched((1, 1, 1), 0, (0, 0, 0))},
        {"sent": copied(PIPE_IN, 0)},
        {"received": copied(PIPE_OUT, 16_000)},
    ],
)
def test_a_channel_that_copies_other_than_twice_refutes_that_they_do(
    judge: Judge, changes: dict[str, Any]
) -> None:
    bent = dataclasses.replace(OTHERS, transfers=second(OTHERS.transfers, **changes))
    assert judge("copy.others-two", bent).verdict is REFUTED


@pytest.mark.parametrize(
    ("claim", "nothing"),
    [("copy.others-two", OtherCopies((), {})), ("copy.shm-zero", SharedMemory((), {}, None))],
)
def test_a_device_without_any_cannot_tell(judge: Judge, claim: str, nothing: object) -> None:
    with pytest.raises(FacilityMissingError):
        judge(claim, nothing)


@pytest.mark.parametrize(
    ("place", "changes"),
    [(0, {"copied": 2_000}), (3, {"copied": 0}), (3, {"touched": 2}), (0, {"touched": 0})],
)
def test_a_part_that_is_copied_other_than_once_refutes_scatter_gather(
    judge: Judge, place: int, changes: dict[str, Any]
) -> None:
    parts = list(GATHERED.parts)
    parts[place] = dataclasses.replace(parts[place], **changes)
    assert judge("copy.scatter-gather", dataclasses.replace(GATHERED, parts=tuple(parts))).verdict is REFUTED
    assert judge("copy.scatter-gather", dataclasses.replace(GATHERED, arrived=False)).verdict is REFUTED


@pytest.mark.parametrize(
    "changes",
    [
        {"first_saw_second": False},
        {"second_saw_first": False},
        {"second_frames": (5, 6, 8)},
        {"touched": (0, 0, 0, 0, 1, 0)},
    ],
)
def test_memory_that_is_copied_is_not_shared(judge: Judge, changes: dict[str, Any]) -> None:
    sharing = dataclasses.replace(SHARED.sharings[0], **changes)
    assert judge("copy.shm-zero", dataclasses.replace(SHARED, sharings=(sharing,))).verdict is REFUTED
    assert judge("copy.shm-zero", dataclasses.replace(SHARED, copied=8)).verdict is REFUTED


@pytest.mark.parametrize(
    "bent",
    [
        InterleavedAdditions((0, 1), 2),
        CalledAdditions(1, (1, 2), 2),
        CalledAdditions(2, (1, 1), 1),
        CalledAdditions(2, (1,), 2),
    ],
)
def test_synchronisation_where_there_is_none_or_none_where_it_is(judge: Judge, bent: object) -> None:
    assert judge("copy.shm-unsynchronised", bent).verdict is REFUTED


def test_a_driver_that_keeps_something_in_the_mapping_confirms_the_documents(judge: Judge) -> None:
    smaller = dataclasses.replace(LARGEST, data=limit(MAPPING - 104), with_object=limit(MAPPING - 112))
    finding = judge("limit.largest-sync", smaller)
    assert finding.verdict is CONFIRMED
    assert len(finding.deviations) == 2
    assert judge("limit.largest-sync", smaller, on=device(driver="Rust")).deviations == ()


def test_an_older_driver_charges_its_record_to_one_way_space(judge: Judge) -> None:
    older = dataclasses.replace(ONE_WAY, limit=limit(MAPPING // 2 - 104), charged=112)
    finding = judge("limit.largest-oneway", older)
    assert (finding.verdict, finding.deviations) == (CONFIRMED, ())
    unexplained = dataclasses.replace(older, charged=8)
    assert judge("limit.largest-oneway", unexplained).deviations
    silent = dataclasses.replace(older, free_space=None, charged=None)
    assert judge("limit.largest-oneway", silent).deviations == ()


@pytest.mark.parametrize("changes", [{"limit": limit(MAPPING)}, {"call_beyond": False}])
def test_one_way_room_that_is_no_half_refutes_it(judge: Judge, changes: dict[str, Any]) -> None:
    assert judge("limit.largest-oneway", dataclasses.replace(ONE_WAY, **changes)).verdict is REFUTED


@pytest.mark.parametrize(
    "changes",
    [
        {"beside_kept": limit(MAPPING)},
        {"beside_all": limit(MAPPING - 100_008)},
        {"at_last": limit(MAPPING - 100_008)},
    ],
)
def test_room_that_is_not_taken_or_not_given_back_refutes_that_it_is_shared(
    judge: Judge, changes: dict[str, Any]
) -> None:
    assert judge("limit.shared-by-calls", dataclasses.replace(ROOM, **changes)).verdict is REFUTED


@pytest.mark.parametrize(
    "changes",
    [
        {"call": dataclasses.replace(REFUSAL, answer=None)},
        {"one_way": dataclasses.replace(REFUSAL, answer="BR_DEAD_REPLY")},
        {"next_answered": False},
        {"after": Holdings(1, MAPPING // 2)},
        {"after": Holdings(0, 0)},
    ],
)
def test_a_failure_that_is_not_told_or_leaves_something_is_not_clean(
    judge: Judge, changes: dict[str, Any]
) -> None:
    assert judge("limit.failure-clean", dataclasses.replace(TOO_LARGE, **changes)).verdict is REFUTED


def test_another_error_than_that_there_is_no_room_is_a_deviation(judge: Judge) -> None:
    other = dataclasses.replace(REFUSAL, errno=errno.EINVAL)
    finding = judge("limit.failure-clean", dataclasses.replace(TOO_LARGE, call=other))
    assert finding.deviations == ("error of the call: got EINVAL, expected ENOSPC",)
