"""The events of a Perfetto trace; that Perfetto finds both sides in them is tested on a device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace import perfetto_trace_pb2

from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.binder_transactions import End as HopEnd
from harness.kernel.tracing.binder_transactions import Failure, Hop
from harness.kernel.tracing.recording import Lost
from harness.recording.exports.export import Beginning, End
from harness.recording.exports.perfetto_trace import BC_TRANSACTION, PerfettoTrace
from harness.recording.statistics import Statistics
from tests.support.made_hops import hops

BEGINNING = Beginning("serial", "6.12.1", "x86_64", None, "boot", code_names)
CLIENT, SERVER = HopEnd(20, 21, "client"), HopEnd(30, 31, "server")
MANAGER = "android.os.IServiceManager"


def packets(batches: Sequence[Sequence[Hop]], lost: Lost = Lost(0, 0, 0)) -> list[Any]:  # noqa: B008
    with TemporaryDirectory() as directory:
        path = Path(directory) / "recording.pftrace"
        export = PerfettoTrace(path)
        export.begin(BEGINNING)
        for batch in batches:
            export.add(batch)
        export.end(End(1.0, lost, 2, Statistics(code_names)))
        trace = perfetto_trace_pb2.Trace()
        trace.ParseFromString(path.read_bytes())
    return list(trace.packet)


def events(batches: Sequence[Sequence[Hop]]) -> list[Any]:
    """All events in order of time, as Perfetto sorts them."""
    found = [event for packet in packets(batches) for event in packet.ftrace_events.event]
    return sorted(found, key=lambda event: int(event.timestamp))


def kinds(batches: Sequence[Sequence[Hop]]) -> list[str]:
    return [str(event.WhichOneof("event")) for event in events(batches)]


def call(number: int = 1, failure: Failure | None = None) -> Hop:
    return Hop(
        number=number,
        sender=CLIENT,
        receiver=HopEnd(30, None, "server") if failure else SERVER,
        node=5,
        code=2,
        reply=False,
        one_way=False,
        sent=1.000000001,
        received=None if failure else 1.5,
        data_size=None if failure else 96,
        interface=MANAGER,
        flags=0x10,
        failure=failure,
    )


def reply(number: int, answers: int, failure: Failure | None = None) -> Hop:
    return Hop(
        number=number,
        sender=SERVER,
        receiver=CLIENT,
        node=0,
        code=0,
        reply=True,
        one_way=False,
        sent=2.0,
        received=None if failure and number else 2.5,
        data_size=4,
        interface=MANAGER,
        answers=answers,
        failure=failure,
        call_code=2,
        call_sent=1.000000001,
    )


def test_a_call_and_its_reply() -> None:
    sent, buffer, received, begin, end, answer, _, back = events([[call()], [reply(2, 1)]])
    transaction = sent.binder_transaction
    assert (sent.timestamp, sent.pid, transaction.debug_id, transaction.target_node) == (1000000001, 21, 1, 5)
    assert (transaction.to_proc, transaction.to_thread, transaction.reply) == (30, 0, 0)
    assert (transaction.code, transaction.flags) == (2, 0x10)
    assert buffer.binder_transaction_alloc_buf.data_size == 96
    assert (received.pid, received.binder_transaction_received.debug_id) == (31, 1)
    assert (begin.pid, begin.print.buf) == (31, f"B|30|AIDL::binder::{MANAGER}::checkService::server\n")
    assert (end.pid, end.print.buf) == (31, "E|30\n")
    assert (answer.binder_transaction.reply, answer.binder_transaction.to_thread) == (1, 21)
    assert (back.pid, back.binder_transaction_received.debug_id) == (21, 2)


def test_a_refused_call_is_ended() -> None:
    refused = call(failure=Failure("BR_FAILED_REPLY", 1.1))
    assert kinds([[refused]]) == ["binder_command", "binder_transaction", "binder_return"]
    command, _, returned = events([[refused]])
    assert command.binder_command.cmd == BC_TRANSACTION
    assert (returned.timestamp, returned.binder_return.cmd) == (1_100_000_000, 0x7211)


def test_a_call_whose_receiver_died_is_ended_when_that_is_known() -> None:
    failed = reply(0, 1, Failure("BR_DEAD_REPLY", 2.5))
    found = kinds([[call()], [failed]])
    assert found[:2] == ["binder_command", "binder_transaction"]
    assert found[-1] == "binder_return"
    assert found.count("binder_transaction") == 1, "the driver's own reply is no transaction"


def test_a_refused_reply_does_not_end_its_call() -> None:
    lines = [
        call(),
        reply(2, 1, Failure("BR_FAILED_REPLY", 2.1)),
        reply(0, 1, Failure("BR_FAILED_REPLY", 2.5)),
    ]
    found = events([lines])
    (returned,) = [event for event in found if event.WhichOneof("event") == "binder_return"]
    assert returned.pid == CLIENT.thread


def test_processes_and_threads_are_named_once() -> None:
    trees = [packet.process_tree for packet in packets([[call(1)], [reply(2, 1)], [call(3)], [reply(4, 3)]])]
    processes = [(each.pid, list(each.cmdline)) for tree in trees for each in tree.processes]
    assert sorted(processes) == [(20, ["client"]), (30, ["server"])]
    assert sorted((each.tid, each.tgid) for tree in trees for each in tree.threads) == [(21, 20), (31, 30)]


def test_what_was_lost_is_in_the_statistics() -> None:
    start, end = [packet for packet in packets([], Lost(5, 1, 0)) if packet.HasField("ftrace_stats")]
    assert start.ftrace_stats.phase == perfetto_trace_pb2.FtraceStats.START_OF_TRACE
    (cpu,) = end.ftrace_stats.cpu_stats
    assert (cpu.overrun, cpu.dropped_events) == (5, 3)


@given(st.lists(st.lists(hops(), max_size=5), max_size=5))
def test_every_transaction_is_written_once(batches: list[list[Hop]]) -> None:
    """But for calls with the same number, which the driver does not make, and its own failed replies."""
    made = {hop.number: hop for batch in batches for hop in batch if hop.number}
    found = Counter(
        event.binder_transaction.debug_id
        for event in events([list(made.values())])
        if event.WhichOneof("event") == "binder_transaction"
    )
    assert found == Counter(made.keys())
