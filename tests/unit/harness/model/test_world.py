"""The model alone: what it says of short programs, and what holds of every state that it reaches."""

from __future__ import annotations

import errno
import itertools

import pytest

from harness.binder.abi import commands as bc
from harness.binder.abi import returns
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.explore import names
from harness.model.features import LINUX_6_1, LINUX_6_12
from harness.model.steps import (
    Binder,
    Close,
    Command,
    Control,
    Descriptor,
    DescriptorArray,
    Exchange,
    Free,
    Handle,
    ImpossibleStepError,
    Interrupt,
    Open,
    Outcome,
    Payload,
    Pointer,
    Reply,
    Step,
    Transact,
)
from harness.model.world import World, view_of
from tests.support.model_taker import random_program

ONE_WAY = int(TransactionFlag.TF_ONE_WAY)
MANAGER, CLIENT, OTHER = 1, 2, 3
MANAGE = Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR)
NOOP = returns.Noop()


def run(*steps: Step, world: World | None = None) -> Outcome:
    """The outcome of the last step, in a world with a context manager and a client unless given."""
    if world is None:
        world = World()
        steps = (Open(MANAGER), Open(CLIENT), MANAGE, *steps)
    return [world.apply(step) for step in steps][-1]


def read(process: int, *commands: Command, thread: int = 1) -> Exchange:
    return Exchange(process, thread, commands)


def codes(outcome: Outcome) -> list[str]:
    return [each.TAG.name.removeprefix("BR_") for each in outcome.returns]


def test_a_call_is_answered() -> None:
    world = World()
    setup = (Open(MANAGER), Open(CLIENT), MANAGE, Exchange(CLIENT, 1, (Transact(0, 7, 0, Payload(100)),), 0))
    run(*setup, world=world)
    call = run(read(MANAGER), world=world)
    assert call.returns == (
        NOOP,
        returns.Transaction(code=7, sender_pid=CLIENT, data_size=100, buffer=0, offsets=104),
    )
    assert codes(run(read(MANAGER, Free(0), Reply()), world=world)) == ["NOOP", "TRANSACTION_COMPLETE"]
    assert codes(run(read(CLIENT), world=world)) == ["NOOP", "TRANSACTION_COMPLETE", "REPLY"]


def test_the_owner_hears_of_a_first_reference_when_it_next_reads() -> None:
    sent = Payload(0, (Binder(0x10, 0x99),))
    outcome = run(read(CLIENT, Transact(0, 1, ONE_WAY, sent)))
    assert outcome.returns == (
        NOOP,
        returns.Increfs(0x10, 0x99),
        returns.Acquire(0x10, 0x99),
        returns.TransactionComplete(),
    )


def test_a_reference_that_comes_back_is_the_owners_node_again() -> None:
    sent, back = Payload(0, (Binder(0x10, 0x99),)), Payload(0, (Handle(1),))
    outcome = run(
        read(CLIENT, Transact(0, 1, 0, sent)),
        read(MANAGER),
        read(MANAGER, Reply(payload=back)),
        read(CLIENT),
    )
    assert outcome.objects == (Binder(0x10, 0x99),)


ACCEPTING = Control(MANAGER, 1, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, (0, 0, 0x100))


@pytest.mark.parametrize(
    ("manage", "sent", "error"),
    [
        pytest.param(ACCEPTING, Descriptor(), 0, id="accepted"),
        pytest.param(ACCEPTING, Descriptor(is_open=False), -errno.EBADF, id="not open"),
        pytest.param(MANAGE, Descriptor(), -errno.EPERM, id="a node that takes none"),
    ],
)
def test_descriptors(manage: Step, sent: Descriptor, error: int) -> None:
    world = World()
    run(
        Open(MANAGER),
        Open(CLIENT),
        manage,
        read(CLIENT, Transact(0, payload=Payload(0, (sent,)))),
        world=world,
    )
    assert world.processes[CLIENT].threads[1].error[1] == error
    assert run(read(MANAGER), world=world).objects == ((Descriptor(),) if not error else ())


def test_an_array_of_no_descriptors_is_received_whatever_the_sender_has() -> None:
    sent = (Pointer(8), Pointer(8), DescriptorArray(0, 1, 2, is_open=False))
    *_, received = run(read(CLIENT, Transact(0, payload=Payload(0, sent))), read(MANAGER)).objects
    assert received == DescriptorArray(0, 1, 2)


def test_memory_is_placed_behind_the_offsets_and_has_to_fit() -> None:
    sent = (Pointer(20), Pointer(8))
    call = read(CLIENT, Transact(0, payload=Payload(4, sent)))
    assert run(call, read(MANAGER)).objects == (Pointer(20, 88 + 16), Pointer(8, 88 + 16 + 24))
    short = read(CLIENT, Transact(0, payload=Payload(4, sent, missing=8)))
    assert codes(run(short)) == ["NOOP", "FAILED_REPLY"]


def test_handles_are_given_out_lowest_first() -> None:
    sent = Payload(0, (Binder(0x10, 1), Binder(0x20, 2)))
    assert run(read(CLIENT, Transact(0, 1, ONE_WAY, sent)), read(MANAGER)).objects == (Handle(1), Handle(2))


@pytest.mark.parametrize(
    ("command", "code", "error"),
    [
        pytest.param(Transact(7), "FAILED_REPLY", -errno.EINVAL, id="a handle that nobody has"),
        pytest.param(Transact(0, payload=Payload(17000)), "FAILED_REPLY", -errno.ENOSPC, id="too large"),
        pytest.param(
            Transact(0, flags=ONE_WAY, payload=Payload(8200)),
            "FAILED_REPLY",
            -errno.ENOSPC,
            id="larger than the one-way half",
        ),
        pytest.param(Reply(), "FAILED_REPLY", -errno.EPROTO, id="a reply to nothing"),
    ],
)
def test_failures(command: Command, code: str, error: int) -> None:
    world = World()
    assert codes(run(Open(MANAGER), Open(CLIENT), MANAGE, read(CLIENT, command), world=world)) == [
        "NOOP",
        code,
    ]
    answer = run(Control(CLIENT, 1, BinderIoctl.BINDER_GET_EXTENDED_ERROR), world=world).answer
    assert answer == (BinderReturn[f"BR_{code}"], error)


def test_a_callers_thread_may_be_called_back_before_its_reply() -> None:
    sent = Payload(0, (Binder(0x10, 0x99),))
    outcome = run(
        Control(CLIENT, 2, BinderIoctl.BINDER_VERSION),
        read(CLIENT, Transact(0, 1, 0, sent)),
        read(MANAGER),
        read(MANAGER, Transact(1, 5)),
        read(CLIENT),
    )
    assert outcome.returns[-1] == returns.Transaction(
        target=0x10, cookie=0x99, code=5, sender_pid=MANAGER, buffer=0, offsets=0
    )


def test_one_way_calls_to_a_node_come_one_at_a_time() -> None:
    world = World()
    run(Open(MANAGER), Open(CLIENT), MANAGE, world=world)
    run(Exchange(CLIENT, 1, (Transact(0, 1, ONE_WAY), Transact(0, 2, ONE_WAY)), 0), world=world)
    assert codes(run(read(MANAGER), world=world)) == ["NOOP", "TRANSACTION"]
    assert run(read(MANAGER), world=world).result == -errno.EAGAIN
    second = run(read(MANAGER, Free(0)), world=world).returns[-1]
    assert isinstance(second, returns.Transaction)
    assert second.code == 2


def test_a_death_is_told_and_then_cleared() -> None:
    world = World()
    run(Open(MANAGER), Open(CLIENT), MANAGE, read(CLIENT, bc.Acquire(0)), world=world)
    run(Exchange(CLIENT, 1, (bc.RequestDeathNotification(0, 5),), 0), Close(MANAGER), world=world)
    assert run(read(CLIENT), world=world).returns == (NOOP, returns.DeadBinder(5))
    assert run(read(CLIENT, bc.ClearDeathNotification(0, 5)), world=world).result == -errno.EAGAIN
    done = run(read(CLIENT, bc.DeadBinderDone(5)), world=world)
    assert done.returns == (NOOP, returns.ClearDeathNotificationDone(5))


def test_who_waits_for_a_thread_that_ends_gets_a_dead_reply() -> None:
    outcome = run(
        Exchange(CLIENT, 1, (Transact(0),), 0),
        read(MANAGER),
        Control(MANAGER, 1, BinderIoctl.BINDER_THREAD_EXIT),
        read(CLIENT),
    )
    assert codes(outcome) == ["NOOP", "TRANSACTION_COMPLETE", "DEAD_REPLY"]


def test_who_waits_for_a_thread_that_itself_called_on_learns_of_its_end_with_that_call() -> None:
    world = World()
    sent = Payload(0, (Binder(0x10, 0x99),))
    run(Open(MANAGER), Open(CLIENT), Open(OTHER), MANAGE, world=world)
    run(read(OTHER, Transact(0, 1, ONE_WAY, sent)), read(MANAGER), world=world)
    run(Exchange(CLIENT, 1, (Transact(0),), 0), read(MANAGER), world=world)
    run(Exchange(MANAGER, 1, (Transact(1),), 0), read(OTHER, thread=2), world=world)
    run(Control(MANAGER, 1, BinderIoctl.BINDER_THREAD_EXIT), world=world)
    assert run(read(CLIENT), world=world).result == -errno.EAGAIN
    run(read(OTHER, Reply(), thread=2), world=world)
    assert codes(run(read(CLIENT), world=world))[-1] == "DEAD_REPLY"


def test_a_frozen_process_refuses_calls_and_keeps_one_way_calls() -> None:
    freeze = Control(CLIENT, 1, BinderIoctl.BINDER_FREEZE, (MANAGER, 1))
    assert codes(run(freeze, read(CLIENT, Transact(0)))) == ["NOOP", "FROZEN_REPLY"]
    one_way = read(CLIENT, Transact(0, 1, ONE_WAY))
    assert codes(run(freeze, one_way)) == ["NOOP", "TRANSACTION_PENDING_FROZEN"]
    world = World(LINUX_6_1)
    assert codes(run(Open(1), Open(2), MANAGE, freeze, one_way, world=world)) == [
        "NOOP",
        "TRANSACTION_COMPLETE",
    ]


@pytest.mark.parametrize(
    ("features", "code"), [(LINUX_6_1, "ONEWAY_SPAM_SUSPECT"), (LINUX_6_12, "TRANSACTION_COMPLETE")]
)
def test_only_the_older_driver_counts_the_latest_call_of_a_spammer(features: object, code: str) -> None:
    world = World(LINUX_6_1 if features is LINUX_6_1 else LINUX_6_12)
    detect = Control(CLIENT, 1, BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION, (1,))
    large = read(CLIENT, Transact(0, 1, ONE_WAY, Payload(8000)))
    assert codes(run(Open(1), Open(2), MANAGE, detect, large, world=world)) == ["NOOP", code]


@pytest.mark.parametrize("seed", range(40))
def test_what_holds_of_every_state(seed: int) -> None:
    program = []
    for step, world in random_program(seed, 60):
        program.append(step)
        for process in world.processes.values():
            pieces = process.mapping.buffers
            ends = [each.offset + each.size for each in pieces]
            assert [each.offset for each in pieces] == [0, *ends[:-1]]
            assert ends[-1] == process.mapping.size
            assert not any(first.free and second.free for first, second in itertools.pairwise(pieces))
            one_way = sum(each.size for each in process.mapping.used if each.one_way)
            assert process.mapping.one_way_space == process.mapping.size // 2 - one_way
            for node in process.nodes.values():
                assert node.internal_strong == sum(each.strong > 0 for each in node.references)
                assert min(node.local_strong, node.local_weak, node.temporary) >= 0
            for handle, reference in process.references.items():
                assert reference.handle == handle
                assert reference in reference.node.references
                assert reference.strong or reference.weak
            assert process.unfinished >= 0
    for number in list(world.processes):
        world.apply(Close(number))
    assert view_of(world) == {}, "something is left of processes that have ended"
    assert not world.context.dead_nodes
    assert [eval(repr(each), vars(names)) for each in program] == program


WAIT = Exchange(MANAGER, 1, waits=True)
SEND = Exchange(CLIENT, 1, (Transact(0, 1, ONE_WAY),))


def waiting_world(*steps: Step) -> World:
    """A context manager whose threads have read once, and then these steps."""
    world = World()
    first = (Exchange(MANAGER, 1), Exchange(MANAGER, 2), Exchange(CLIENT, 1))
    run(Open(MANAGER), Open(CLIENT), MANAGE, *first, *steps, world=world)
    return world


def test_a_thread_waits_until_it_is_called() -> None:
    world = waiting_world()
    assert run(WAIT, world=world) == Outcome(waits=True)
    assert view_of(world) == {}, "nobody looks while a thread waits"
    ((process, thread, woken),) = run(SEND, world=world).woken
    assert (process, thread, codes(woken)) == (MANAGER, 1, ["NOOP", "TRANSACTION"])
    assert view_of(world)


def test_a_caller_waits_for_its_reply() -> None:
    world = waiting_world()
    assert run(Exchange(CLIENT, 1, (Transact(0),), waits=True), world=world).waits
    run(Exchange(MANAGER, 1), world=world)
    ((*caller, woken),) = run(read(MANAGER, Reply()), world=world).woken
    assert (caller, codes(woken)) == ([CLIENT, 1], ["NOOP", "TRANSACTION_COMPLETE", "REPLY"])


@pytest.mark.parametrize(
    ("ending", "result"),
    [(Interrupt(MANAGER, 1), -errno.EINTR), (Close(MANAGER), 0)],
    ids=["signal", "close"],
)
def test_a_wait_is_ended(ending: Step, result: int) -> None:
    ((*who, outcome),) = run(ending, world=waiting_world(WAIT)).woken
    assert (who, outcome.result) == ([MANAGER, 1], result)


@pytest.mark.parametrize("step", [WAIT, Exchange(MANAGER, 1), Exchange(OTHER, 1)])
def test_a_thread_that_waits_does_nothing_else(step: Step) -> None:
    with pytest.raises(ImpossibleStepError):
        waiting_world(WAIT).apply(step)


def test_no_thread_is_asked_for_while_one_waits() -> None:
    more = Control(MANAGER, 1, BinderIoctl.BINDER_SET_MAX_THREADS, (2,))
    world = waiting_world(more, read(MANAGER, bc.EnterLooper()), Exchange(MANAGER, 2, waits=True), WAIT)
    ((_, thread, woken),) = run(SEND, world=world).woken
    assert (thread, codes(woken)) == (1, ["NOOP", "TRANSACTION"])
    run(Interrupt(MANAGER, 2), read(MANAGER, Free(0)), WAIT, world=world)
    ((*_, woken),) = run(SEND, world=world).woken
    assert codes(woken) == ["SPAWN_LOOPER", "TRANSACTION"]
