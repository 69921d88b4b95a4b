"""Turns the binder driver's trace events into transactions: who sent what to whom, when, and why."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    BEGINNING,
    FAILURES,
    RECEIVED,
    RETURNED,
    SENT,
    TF_ONE_WAY,
    End,
    Failure,
    Hop,
    base_name,
    interface_in,
)
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.written_commands import WRITTEN, sizes_written

DEEPEST = 64
"""The most calls within each other that are remembered of a thread."""
REFUSED = "refused"


def parse_hops(events: Iterable[TraceEvent], interfaces: Mapping[int, str] | None = None) -> tuple[Hop, ...]:
    """The transactions in the events, in the order of their sending; `interfaces` as the collector's."""
    collector = HopCollector(interfaces=interfaces)
    for event in events:
        collector.take(event)
    hops = [
        replace(hop, sender=replace(hop.sender, process=collector.process_of(hop.sender.thread)))
        for hop in (*collector.completed(), *collector.rest())
    ]
    names = {end.process: end.name for hop in hops for end in (hop.receiver, hop.sender) if end.name}
    return tuple(
        replace(hop, receiver=replace(hop.receiver, name=names.get(hop.receiver.process, "")))
        for hop in sorted(hops, key=_order)
    )


@dataclass(slots=True)
class _Transaction:
    """A transaction of which not all is known yet."""

    hop: Hop
    data_size: int | None = None
    offsets_size: int = 0


class HopCollector:
    """Takes events in order of time, and gives each transaction when all of it is known.

    It tracks what each thread handles, to find the cause of each hop and the call of each reply. What it
    remembers is bounded by the number of threads and `most`: so many transactions at most wait for a
    receiver; the oldest ones are given up then.
    """

    def __init__(self, most: float = math.inf, interfaces: Mapping[int, str] | None = None) -> None:
        """`interfaces` has those of nodes by debug id, for calls of which no BEGINNING shows it."""
        self._most = most
        self._of_nodes = interfaces or {}
        self._open: dict[int, _Transaction] = {}
        """By number: those that nobody has received."""
        self._last_sent: dict[int, int] = {}
        self._calls: dict[int, deque[_Transaction]] = {}
        """Of each thread: the calls that it has not got a reply to."""
        self._handled: dict[int, deque[Hop]] = {}
        """Of each thread: what it has received and not replied to."""
        self._processes: dict[int, int] = {}
        self._interfaces: dict[int, str | None] = {}
        self._written: dict[int, deque[tuple[int, int]]] = {}
        """Of each thread: the sizes of what its last ioctl sends and the driver has not taken yet."""
        self._sizes_shown = False
        self._done: list[Hop] = []

    def process_of(self, thread: int | None) -> int | None:
        """The process of a thread, as far as the events showed it."""
        return None if thread is None else self._processes.get(thread)

    def take(self, event: TraceEvent) -> None:
        """Take one event into account; events of other kinds are skipped."""
        if event.process is not None:
            self._processes[event.tid] = event.process
        name = base_name(event.name)
        if name == BEGINNING.event:
            self._interfaces[event.tid] = interface_in(event)
        elif name == WRITTEN:
            sizes = sizes_written(event)
            if sizes is not None:
                self._written[event.tid] = deque(sizes)
        elif name == RETURNED:
            command = FAILURES.get(_integer(event, "cmd"))
            if command is not None:
                self._failed(event.tid, Failure(command, event.timestamp))
        else:
            number = event.fields.get("transaction")
            if isinstance(number, int):
                self._of_transaction(name, number, event)

    @property
    def oldest_waiting(self) -> float:
        """When the oldest transaction was sent that is not complete; infinite if there is none."""
        return next(iter(self._open.values())).hop.sent if self._open else math.inf

    def completed(self) -> list[Hop]:
        """What has become complete since the last call."""
        while len(self._open) > self._most:
            self._give_up(next(iter(self._open)))
        done, self._done = self._done, []
        return done

    def rest(self) -> list[Hop]:
        """All others, at the end: what nobody has received, too."""
        for number in list(self._open):
            self._give_up(number)
        return self.completed()

    def _of_transaction(self, name: str, number: int, event: TraceEvent) -> None:
        if name == SENT:
            self._sent(number, event)
        elif name == ALLOCATED:
            self._sizes_shown = True
            if number in self._open:
                self._open[number].data_size = _integer(event, "data_size")
                self._open[number].offsets_size = _integer(event, "offsets_size")
        elif name == RECEIVED:
            self._received(number, event)

    def _sent(self, number: int, event: TraceEvent) -> None:
        flags = _integer(event, "flags")
        reply = bool(_integer(event, "reply"))
        target_process, target_thread = _integer(event, "dest_proc"), _integer(event, "dest_thread")
        if target_thread:
            self._processes[target_thread] = target_process
        interface = self._interfaces.pop(event.tid, None) or self._of_nodes.get(_integer(event, "dest_node"))
        handled = self._handled.get(event.tid)
        cause = handled[-1] if handled else None
        call = self._answered(event.tid, target_thread) if reply else None
        sent = _Transaction(
            Hop(
                number=number,
                sender=End(self._processes.get(event.tid), event.tid, event.task),
                receiver=End(target_process, target_thread or None),
                node=_integer(event, "dest_node"),
                code=_integer(event, "code"),
                reply=reply,
                one_way=bool(flags & TF_ONE_WAY) and not reply,
                sent=event.timestamp,
                interface=(call.interface if call else None) if reply else interface,
                answers=call.number if call else None,
                cause=cause.number if cause and not reply else None,
                flags=flags,
                call_code=call.code if call else None,
                call_sent=call.sent if call else None,
            )
        )
        if written := self._written.get(event.tid):
            sent.data_size, sent.offsets_size = written.popleft()
        self._open[number] = sent
        self._last_sent[event.tid] = number
        if not reply and not sent.hop.one_way:
            self._calls.setdefault(event.tid, deque(maxlen=DEEPEST)).append(sent)

    def _answered(self, thread: int, caller: int) -> Hop | None:
        """The call that a thread replies to: the last one it received, from this caller if that is known.

        Those above it have ended, too: their replies were not recorded.
        """
        handled = self._handled.get(thread, deque())
        if caller and not any(hop.sender.thread == caller for hop in handled):
            return None
        while handled:
            hop = handled.pop()
            if not hop.one_way and caller in (0, hop.sender.thread):
                return hop
        return None

    def _received(self, number: int, event: TraceEvent) -> None:
        received = self._open.pop(number, None)
        handled = self._handled.setdefault(event.tid, deque(maxlen=DEEPEST))
        # A one-way transaction has no reply: it ends when its thread takes the next.
        while handled and handled[-1].one_way and not (received and received.hop.reply):
            handled.pop()
        if received is None:
            return
        end = replace(received.hop.receiver, thread=event.tid, name=event.task)
        hop = self._complete(received, receiver=end, received=event.timestamp)
        if hop.receiver.process is not None:
            self._processes[event.tid] = hop.receiver.process
        if hop.reply:
            self._end_call(event.tid, hop.answers)
        else:
            handled.append(hop)

    def _end_call(self, thread: int, number: int | None) -> None:
        """A call has got its reply, or another end, and so have those within it."""
        calls = self._calls.get(thread, deque())
        while calls and (calls.pop().hop.number != number and number is not None):
            pass

    def _failed(self, thread: int, failure: Failure) -> None:
        number = self._last_sent.get(thread)
        if number in self._open:
            failed = self._open.pop(number)
            if not failed.hop.reply and not failed.hop.one_way:
                self._end_call(thread, number)
            self._complete(failed, failure=failure)
            return
        calls = self._calls.get(thread)
        if calls:  # it was received, but is not answered by its receiver
            call = calls.pop().hop
            self._done.append(
                Hop(
                    number=0,
                    sender=call.receiver,
                    receiver=replace(call.sender, process=self._processes.get(thread)),
                    node=0,
                    code=0,
                    reply=True,
                    one_way=False,
                    sent=failure.time,
                    received=failure.time,
                    interface=call.interface,
                    answers=call.number,
                    failure=failure,
                    call_code=call.code,
                    call_sent=call.sent,
                )
            )

    def _give_up(self, number: int) -> None:
        """Complete a transaction that nobody has received."""
        waiting = self._open.pop(number)
        refused = self._sizes_shown and waiting.data_size is None
        self._complete(waiting, failure=Failure(REFUSED, waiting.hop.sent) if refused else None)

    def _complete(
        self,
        transaction: _Transaction,
        *,
        receiver: End | None = None,
        received: float | None = None,
        failure: Failure | None = None,
    ) -> Hop:
        transaction.hop = replace(
            transaction.hop,
            receiver=receiver or transaction.hop.receiver,
            received=received,
            data_size=transaction.data_size,
            offsets_size=transaction.offsets_size,
            failure=failure,
        )
        self._done.append(transaction.hop)
        return transaction.hop


class SendingOrder:
    """Puts transactions into the order in which they were sent; `most` wait for earlier ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: list[tuple[float, int, int, Hop]] = []
        """A heap."""
        self._count = itertools.count()

    def add(self, hops: Iterable[Hop]) -> None:
        """Take some that are complete."""
        for hop in hops:
            heapq.heappush(self._waiting, (*_order(hop), next(self._count), hop))

    def ready(self, until: float) -> list[Hop]:
        """Those that were sent before, and the oldest ones beyond the most that may wait."""
        ready = []
        while self._waiting and (self._waiting[0][0] < until or len(self._waiting) > self._most):
            ready.append(heapq.heappop(self._waiting)[-1])
        return ready


def _order(hop: Hop) -> tuple[float, int]:
    return hop.sent, hop.number


def _integer(event: TraceEvent, name: str) -> int:
    value = event.fields.get(name, 0)
    return value if isinstance(value, int) else 0
