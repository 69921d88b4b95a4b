"""Transactions from events: failures, the driver in Rust, what is given up, and the order."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.kernel.tracing.binder_transactions import FAILURES, Failure, Hop
from harness.kernel.tracing.events import TraceEvent, parse_trace
from harness.kernel.tracing.hop_collector import HopCollector, SendingOrder, parse_hops

CLIENT, SERVER = "client-20 (  20)", "server-31 (  30)"


def line(task: str, time: float, text: str) -> str:
    return f"  {task} [000] ..... {time:.6f}: {text}\n"


def sent(task: str, time: float, number: int, *, to: int = 30, flags: int = 0, thread: int = 0) -> str:
    reply = int(thread > 0)
    text = (
        f"binder_transaction: transaction={number} dest_node={0 if reply else 3} dest_proc={to} "
        f"dest_thread={thread} reply={reply} flags={flags:#x} code={0 if reply else 7:#x}"
    )
    return line(task, time, text)


def allocated(task: str, time: float, number: int) -> str:
    return line(
        task,
        time,
        f"binder_transaction_alloc_buf: transaction={number} data_size=8 offsets_size=0 extra_buffers_size=0",
    )


def received(task: str, time: float, number: int) -> str:
    return line(task, time, f"binder_transaction_received: transaction={number}")


def returned(task: str, time: float, command: int) -> str:
    return line(task, time, f"binder_return: cmd={command:#x} {FAILURES.get(command, 'BR_OK')}")


def events(*lines: str) -> tuple[TraceEvent, ...]:
    trace = parse_trace("".join(lines))
    assert not trace.unknown_lines
    return trace.events


def call(number: int, time: float) -> list[str]:
    """A call that is answered by transaction number + 1 after 2 ms."""
    return [
        sent(CLIENT, time, number),
        allocated(CLIENT, time + 0.0001, number),
        received(SERVER, time + 0.001, number),
        sent(SERVER, time + 0.0015, number + 1, to=20, thread=20),
        allocated(SERVER, time + 0.0016, number + 1),
        received(CLIENT, time + 0.002, number + 1),
    ]


def test_a_reply_knows_its_call() -> None:
    _, reply = parse_hops(events(*call(1, 5.0)))
    assert (reply.answers, reply.call_code, reply.call_sent) == (1, 7, 5.0)
    assert reply.round_trip is not None
    assert round(reply.round_trip, 6) == 0.002


def test_a_call_that_the_driver_refuses() -> None:
    (hop,) = parse_hops(events(sent(CLIENT, 1, 1), returned(CLIENT, 1.5, 0x7211)))
    assert hop.failure == Failure("BR_FAILED_REPLY", 1.5)
    assert (hop.data_size, hop.received) == (None, None)


def test_a_call_whose_receiver_dies() -> None:
    taken, failed = parse_hops(events(*call(1, 1)[:3], returned(CLIENT, 2, 0x7205)))
    assert taken.failure is None
    assert (failed.reply, failed.answers, failed.call_code) == (True, 1, 7)
    assert failed.failure == Failure("BR_DEAD_REPLY", 2)
    assert (failed.sender.process, failed.receiver.process) == (30, 20)


def test_a_reply_that_is_refused_fails_for_both() -> None:
    lines = [*call(1, 1)[:4], returned(SERVER, 1.01, 0x7211), returned(CLIENT, 1.02, 0x7211)]
    taken, reply, failed = parse_hops(events(*lines))
    assert taken.failure is None
    assert reply.failure == Failure("BR_FAILED_REPLY", 1.01)
    assert (failed.number, failed.answers, failed.failure) == (0, 1, Failure("BR_FAILED_REPLY", 1.02))


def test_other_return_commands_are_no_failures() -> None:
    (hop,) = parse_hops(events(sent(CLIENT, 1, 1), returned(CLIENT, 1.5, 0x7206)))
    assert hop.failure is None


def test_the_driver_in_rust() -> None:
    """Names as in Linux 6.18's rust_binder_events.h with the prefix; sizes are not shown."""
    text = "".join(call(1, 1)[index] for index in (0, 2)).replace(": binder_", ": rust_binder_")
    (hop,) = parse_hops(parse_trace(text).events)
    assert (hop.number, hop.sender.process, hop.receiver.process) == (1, 20, 30)
    assert (hop.data_size, hop.failure) == (None, None)
    assert hop.latency is not None


def test_a_lost_reply_does_not_make_its_call_the_cause_of_later_ones() -> None:
    lines = [
        *call(1, 1)[:3],  # the reply was lost
        sent("other-50 (  50)", 2, 5),
        received(SERVER, 2.1, 5),
        sent(SERVER, 2.2, 6, to=50, thread=50),
        *call(8, 3),
    ]
    replies = [hop for hop in parse_hops(events(*lines)) if hop.reply]
    assert [(reply.number, reply.answers) for reply in replies] == [(6, 5), (9, 8)]


def test_a_transaction_is_given_when_it_is_complete() -> None:
    collector = HopCollector()
    one_way = sent(CLIENT, 0.5, 100, flags=1)
    for event in events(one_way, *call(1, 1)):
        collector.take(event)
    assert [hop.number for hop in collector.completed()] == [1, 2]
    assert collector.oldest_waiting == 0.5
    assert [hop.number for hop in collector.rest()] == [100]
    assert collector.oldest_waiting == math.inf


@given(st.integers(1, 5), st.integers(1, 30))
def test_what_waits_is_bounded(most: int, count: int) -> None:
    collector = HopCollector(most)
    hops: list[Hop] = []
    for number in range(count):
        for event in events(sent(CLIENT, number, number, flags=1), *call(1000 + 2 * number, number + 0.5)):
            collector.take(event)
        hops += collector.completed()
        assert 3 * (number + 1) - len(hops) <= most
    hops += collector.rest()
    assert sorted(hop.number for hop in hops) == sorted([*range(count), *range(1000, 1000 + 2 * count)])


@given(st.permutations(range(20)), st.lists(st.integers(0, 20)), st.integers(0, 20))
def test_transactions_are_put_into_the_order_of_sending(
    numbers: list[int], until: list[int], most: int
) -> None:
    """Unless so many wait that the oldest ones go before an earlier one has come."""
    (made,) = parse_hops(events(sent(CLIENT, 0, 0)))
    order = SendingOrder(most)
    ready: list[float] = []
    for number, limit in itertools.zip_longest(numbers, sorted(until)[:20]):
        order.add([replace(made, number=number, sent=float(number))])
        given = [hop.sent for hop in order.ready(min(limit or 0, min(numbers)))]
        assert given == sorted(given)
        ready += given
    rest = [hop.sent for hop in order.ready(math.inf)]
    assert len(rest) <= most
    assert rest == sorted(rest)
    assert sorted([*ready, *rest]) == sorted(map(float, numbers))


def test_nodes_with_known_interfaces_name_calls_that_no_probe_shows() -> None:
    collector = HopCollector(interfaces={3: "an.Interface"})
    for event in events(*call(1, 1)):
        collector.take(event)
    assert {hop.interface for hop in collector.completed()} == {"an.Interface"}
