"""That the claims about the protocol come out as the figures say, either way: each figure is bent in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from harness.binder import Node
from harness.device.device import Device
from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, Finding, Verdict
from harness.experiments.protocol import call_claims as protocol_calls
from harness.experiments.protocol import claims as protocol
from harness.experiments.protocol import object_claims as protocol_objects
from harness.experiments.protocol.call_sequence import CallSequence, Exchange, Traced
from harness.experiments.protocol.deaths import CLEARED, IN_TIME, TOO_LATE, Deaths, Notice
from harness.experiments.protocol.freed_space import PART_SIZE, FreedSpace
from harness.experiments.protocol.ioctls import IoctlSurvey, ProtocolVersion
from harness.experiments.protocol.loopers import Looper, LooperStates, PoolStep, ThreadPoolGrowth
from harness.experiments.protocol.reference_counts import ObjectCounts, ReferenceCounts, Step
from harness.experiments.protocol.senders import Identity, Sender, Senders
from harness.experiments.protocol.translation import Arrival, Translation
from harness.experiments.protocol.write_read import Exchange as WriteRead
from harness.experiments.protocol.write_read import WriteOrRead
from harness.kernel.binder_debug.stats import ThreadPool
from harness.kernel.tracing.transactions import End, Hop

FACTS = Facts(
    architecture="x86_64",
    page_size=4096,
    kernel_release="6.12.0",
    processors=2,
    memory_bytes=1 << 29,
    driver="C",
    binder_debug="/sys/kernel/debug/binder",
)
DEVICE = cast(Device, SimpleNamespace(facts=FACTS))

VERSION = ProtocolVersion(8, wide="success", narrow="EINVAL")
SURVEY = IoctlSurvey(
    tried=2304,
    known=(*sorted(protocol.FIRST_IOCTLS), "BINDER_FREEZE"),
    unknown=("BINDER_SET_IDLE_TIMEOUT",),
    others={"EINVAL": 2290},
)
WRITE_OR_READ = WriteOrRead(
    (
        WriteRead(1, 68, 0, 68, 0, ()),
        WriteRead(2, 0, 0, 0, 0, ()),
        WriteRead(3, 0, 256, 0, 8, ("BR_NOOP", "BR_TRANSACTION_COMPLETE")),
        WriteRead(4, 68, 256, 68, 8, ("BR_NOOP", "BR_TRANSACTION_COMPLETE")),
    ),
    delivered=(1, 4),
)
FREED = FreedSpace(4 * PART_SIZE, PART_SIZE, at_first=4, after_one=1, after_all=4, shown=(4, 3, 4, 0, 4))
FIRST, SECOND = Identity(10, 0), Identity(20, 2000)
SENDERS = Senders(
    Sender(FIRST, SECOND, FIRST, Identity(0, 0)), Sender(SECOND, FIRST, SECOND, Identity(0, 2000))
)
SEQUENCE = CallSequence(
    first=(),
    caller=(Exchange(("BC_TRANSACTION",), ("BR_NOOP", "BR_TRANSACTION_COMPLETE", "BR_REPLY")),),
    callee=(
        Exchange(("BC_ENTER_LOOPER",), ("BR_NOOP", "BR_TRANSACTION")),
        Exchange(("BC_FREE_BUFFER", "BC_REPLY"), ("BR_NOOP", "BR_TRANSACTION_COMPLETE")),
    ),
    traced=(Traced("callee", "BC_ENTER_LOOPER"), *protocol_calls.CALL),
    hops=(
        Hop(3, End(20, 21), End(10, 11), 2, 1, reply=False, one_way=False, sent=1.0, received=2.0),
        Hop(4, End(10, 11), End(20, 21), 0, 0, reply=True, one_way=False, sent=3.0, received=4.0),
    ),
    complete=True,
)
LATE = (
    protocol_calls.CALL[0],
    *protocol_calls.CALL[2:4],
    protocol_calls.CALL[1],
    *protocol_calls.CALL[4:],
)
STATES = LooperStates(
    tuple(Looper(said, state) for said, state in protocol_calls.LOOPER_STATES.items()), ("BR_NOOP",)
)
GROWTH = ThreadPoolGrowth(
    (
        PoolStep(0, 2, 0, ThreadPool(0, 0, 0)),
        PoolStep(1, 3, 1, ThreadPool(0, 1, 1)),
        PoolStep(3, 5, 2, ThreadPool(0, 3, 3)),
    ),
    (Looper(("BC_REGISTER_LOOPER",), ("REGISTERED",)),) * 3,
)
OBJECT = Node(0x1000, 7)
COUNTS = ReferenceCounts(
    OBJECT,
    (OBJECT,),
    tuple(
        Step(
            "owner" if index < len(protocol_objects.KEPT_FOR_OWNER) else "holder",
            *step,
            ObjectCounts(True, True, *protocol_objects.KEPT_FOR_OWNER[min(index, 2)], 1, 1),
        )
        for index, step in enumerate(protocol_objects.COUNTING)
    ),
)
HOME = Arrival("BINDER_TYPE_BINDER", OBJECT.ptr, OBJECT.cookie, target=OBJECT)
AWAY = Arrival("BINDER_TYPE_HANDLE", 1, 0, target=Node(0, 0))
TRANSLATION = Translation(OBJECT, AWAY, AWAY, HOME, HOME, (47, 47, 47))
DEATHS = Deaths(
    end="was killed by SIGKILL",
    before=(Notice("BR_CLEAR_DEATH_NOTIFICATION_DONE", CLEARED),),
    after=(Notice("BR_DEAD_BINDER", IN_TIME),),
    acknowledged=(True, False),
    call=("BR_NOOP", "BR_DEAD_REPLY"),
    too_late=(Notice("BR_DEAD_BINDER", TOO_LATE),),
)

Measured = Mapping[str, object]
TRUE: dict[str, Measured] = {
    "proto.version": {"measure_protocol_version": VERSION},
    "proto.ioctls": {"measure_ioctls": SURVEY},
    "proto.write-or-read": {"measure_write_or_read": WRITE_OR_READ},
    "proto.free-buffer": {"measure_freed_space": FREED},
    "proto.sender-identity": {"measure_senders": SENDERS},
    "proto.call-sequence": {"measure_call_sequence": SEQUENCE},
    "proto.looper": {"measure_looper_states": STATES, "measure_thread_pool": GROWTH},
    "proto.refcounts": {"measure_reference_counts": COUNTS},
    "proto.translation": {"measure_translation": TRANSLATION},
    "proto.death": {"measure_deaths": DEATHS},
}
FALSE: list[tuple[str, Measured]] = [
    ("proto.version", {"measure_protocol_version": replace(VERSION, version=7)}),
    ("proto.version", {"measure_protocol_version": replace(VERSION, narrow="success")}),
    ("proto.ioctls", {"measure_ioctls": replace(SURVEY, known=SURVEY.known[1:])}),
    ("proto.ioctls", {"measure_ioctls": replace(SURVEY, others={"EINVAL": 2289, "ENOTTY": 1})}),
    ("proto.write-or-read", {"measure_write_or_read": replace(WRITE_OR_READ, delivered=(1, 2, 4))}),
    (
        "proto.write-or-read",
        {
            "measure_write_or_read": replace(
                WRITE_OR_READ, exchanges=(WriteRead(1, 68, 0, 68, 4, ()), *WRITE_OR_READ.exchanges[1:])
            )
        },
    ),
    ("proto.free-buffer", {"measure_freed_space": replace(FREED, after_one=0)}),
    ("proto.free-buffer", {"measure_freed_space": replace(FREED, after_all=3)}),
    (
        "proto.sender-identity",
        {"measure_senders": replace(SENDERS, second=replace(SENDERS.second, call=FIRST))},
    ),
    (
        "proto.sender-identity",
        {"measure_senders": replace(SENDERS, first=replace(SENDERS.first, one_way=FIRST))},
    ),
    ("proto.call-sequence", {"measure_call_sequence": replace(SEQUENCE, traced=LATE)}),
    (
        "proto.looper",
        {
            "measure_looper_states": replace(STATES, loopers=(Looper((), ("INVALID",)), *STATES.loopers[1:])),
            "measure_thread_pool": GROWTH,
        },
    ),
    (
        "proto.looper",
        {
            "measure_looper_states": STATES,
            "measure_thread_pool": replace(GROWTH, steps=(PoolStep(0, 2, 1, None), *GROWTH.steps[1:])),
        },
    ),
    ("proto.refcounts", {"measure_reference_counts": replace(COUNTS, steps=COUNTS.steps[:-1])}),
    (
        "proto.refcounts",
        {
            "measure_reference_counts": replace(
                COUNTS, steps=(*COUNTS.steps[:-1], replace(COUNTS.steps[-1], owner_heard=()))
            )
        },
    ),
    ("proto.translation", {"measure_translation": replace(TRANSLATION, node_ids=(47, 48, 47))}),
    ("proto.translation", {"measure_translation": replace(TRANSLATION, home_from_peer=AWAY)}),
    ("proto.death", {"measure_deaths": replace(DEATHS, after=())}),
    (
        "proto.death",
        {"measure_deaths": replace(DEATHS, after=(*DEATHS.after, Notice("BR_DEAD_BINDER", CLEARED)))},
    ),
    ("proto.death", {"measure_deaths": replace(DEATHS, before=())}),
]


def found(claim: str, measured: Measured, patch: pytest.MonkeyPatch) -> Finding:
    for name, value in measured.items():
        for module in (protocol, protocol_calls, protocol_objects):
            patch.setattr(module, name, lambda _device, value=value: value, raising=False)
    return CLAIMS.get(claim).run(DEVICE)


@pytest.mark.parametrize("claim", TRUE)
def test_true_figures_confirm(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = found(claim, TRUE[claim], monkeypatch)
    assert (finding.verdict, finding.deviations) == (Verdict.CONFIRMED, ())
    assert finding.measured


@pytest.mark.parametrize(("claim", "measured"), FALSE)
def test_false_figures_refute(claim: str, measured: Measured, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(claim, measured, monkeypatch).verdict is Verdict.REFUTED


def test_unacknowledged_deaths_and_lost_traces_deviate(monkeypatch: pytest.MonkeyPatch) -> None:
    unacknowledged = {"measure_deaths": replace(DEATHS, acknowledged=(True, True))}
    lost = {"measure_call_sequence": replace(SEQUENCE, complete=False)}
    assert len(found("proto.death", unacknowledged, monkeypatch).deviations) == 1
    assert len(found("proto.call-sequence", lost, monkeypatch).deviations) == 1


def test_every_claim_of_the_section_is_bent() -> None:
    ids = {name for name in CLAIMS.all() if name.startswith("proto.")}
    assert ids == set(TRUE) == {claim for claim, _ in FALSE}
