"""What transactions that are not over leave of a receiver's mapping for the next one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.binder import Binder, Call, RemotePayload, open_pair
from harness.binder.driver.received import ReceivedBuffer
from harness.experiments.core.claim import TIME_LIMIT
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import free_node
from harness.experiments.limits.size_limit import WORD, Limit, find_limit

if TYPE_CHECKING:
    from harness.device.device import Device

KEPT, UNANSWERED, ONE_WAY = 100_003, 50_001, 1
"""Bytes of the payloads that take room: no multiples of anything, to show what they are rounded to."""
KEEP, HOLD = 2, 3


@dataclass(frozen=True, slots=True)
class SharedRoom:
    """The largest call that a receiver takes from one process, as others' transactions come and go."""

    mapping: int
    """Bytes that the receiver mapped."""
    kept: int
    """Bytes of a call of another process that was answered, its payload not freed."""
    unanswered: int
    """Of another that was not answered yet."""
    one_way: int
    """Of a one-way transaction, its payload not freed."""
    alone: Limit
    """With none of these."""
    beside_kept: Limit
    """With the first."""
    beside_all: Limit
    """With all three."""
    with_hole: Limit
    """With the first freed again, whose room lies before that of the others."""
    all_freed: Limit
    """With all of them freed."""


@measurement("shared-room", "What a receiver's unfinished transactions leave of its mapping for others.")
def measure_shared_room(device: Device) -> SharedRoom:
    """Let a second client's transactions take room, one by one, and find the first one's largest call."""
    deadline = Deadline(TIME_LIMIT)  # of which the searches take most
    kept: list[ReceivedBuffer] = []
    held, release = threading.Event(), threading.Event()

    def handle(call: Call) -> None:
        if call.code == KEEP:
            kept.append(call.keep())
        elif call.code == HOLD:
            held.set()
            release.wait(deadline.remaining())

    node = free_node(device.facts)
    with ExitStack() as stack:
        pair = stack.enter_context(open_pair(device, node, handle, threads=2))
        other = stack.enter_context(Binder.open(stack.enter_context(device.process()), node))
        pool = stack.enter_context(ThreadPoolExecutor())
        stack.callback(release.set)
        high = pair.server.size + WORD
        payload = pair.client_process.memory.allocate(high)
        others = other.process.memory.allocate(KEPT)

        def room() -> Limit:
            def send(size: int) -> None:
                pair.client.transact(0, 1, RemotePayload(payload.address, size))

            return find_limit(send, high=high)

        alone = room()
        other.transact(0, KEEP, RemotePayload(others.address, KEPT))
        beside_kept = room()
        unanswered = pool.submit(
            other.on_new_thread().transact,
            0,
            HOLD,
            RemotePayload(others.address, UNANSWERED),
            deadline=deadline,
        )
        if not held.wait(deadline.remaining()):
            deadline.check("the call that the server holds")
        other.post(0, KEEP, RemotePayload(others.address, ONE_WAY))
        other.transact(0, 1)  # so that the transaction before it has arrived
        beside_all = room()
        kept[0].free()
        with_hole = room()
        release.set()
        try:
            unanswered.result(deadline.remaining())
        except TimeoutError:
            deadline.check("the reply that the server held")
            raise
        kept[1].free()
        return SharedRoom(
            mapping=pair.server.size,
            kept=KEPT,
            unanswered=UNANSWERED,
            one_way=ONE_WAY,
            alone=alone,
            beside_kept=beside_kept,
            beside_all=beside_all,
            with_hole=with_hole,
            all_freed=room(),
        )
