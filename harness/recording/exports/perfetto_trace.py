"""A recording as a Perfetto trace, which ui.perfetto.dev and the trace processor open.

It has the driver's events as ftrace events, from which Perfetto makes slices and flows itself, so that its
standard library's modules `android.binder` and `slices.*` find both sides (importers/ftrace/binder_tracker.cc
and perfetto_sql/stdlib/android/binder.sql, v55). Perfetto takes names of interfaces and methods from slices
that AOSP's libbinder writes through atrace, `AIDL::LANGUAGE::INTERFACE::METHOD::server`; where the recording
knows a name, it writes such a slice, with the language `binder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from emulator.base.errors import FacilityMissingError
from harness.kernel.tracing.binder_transactions import FAILURES, Failure, Hop
from harness.recording.exports.export import Beginning, End
from harness.recording.hops import method_of

BC_TRANSACTION = 0x40406300
"""include/uapi/linux/android/binder.h"""
MOST_CALLS = 10_000
"""Calls without a reply that are kept."""
_COMMANDS = {name: command for command, name in FAILURES.items()}
_FAILED_REPLY = _COMMANDS["BR_FAILED_REPLY"]


class PerfettoTrace:
    """Appends packets as transactions come; raises FacilityMissingError where `perfetto` is not installed.

    A call is written with its reply: Perfetto can end the slice of a failed one only if a BC_TRANSACTION
    precedes it, which is written for that one alone.
    """

    def __init__(self, path: Path) -> None:
        try:
            from perfetto.protos.perfetto.trace import perfetto_trace_pb2
        except ImportError:
            raise FacilityMissingError(
                "Writing a Perfetto trace needs the package perfetto. Install it: "
                "pip install 'binder-harness[perfetto]'"
            ) from None
        self._protos = perfetto_trace_pb2
        self.path = path
        self._calls: dict[int, Hop] = {}
        """Calls without a reply, by number."""
        self._processes: dict[int, str] = {}
        self._threads: set[int] = set()

    def begin(self, beginning: Beginning) -> None:
        """Create the file, with what is known of the device."""
        self._names = beginning.names
        self._file = self.path.open("wb")
        packet = self._protos.TracePacket()
        packet.system_info.utsname.sysname = "Linux"
        packet.system_info.utsname.release = beginning.kernel_release
        packet.system_info.utsname.machine = beginning.architecture
        self._write([packet, self._losses(self._protos.FtraceStats.START_OF_TRACE, 0, 0)])

    def add(self, hops: Sequence[Hop]) -> None:
        """Write the transactions that are complete with these."""
        complete: list[tuple[Hop, Failure | None]] = []
        for hop in hops:
            if not hop.reply and not hop.one_way and hop.failure is None:
                self._calls[hop.number] = hop
                continue
            from_driver = hop.reply and hop.number == 0
            if hop.reply and hop.answers in self._calls and (from_driver or hop.failure is None):
                complete.append((self._calls.pop(hop.answers), hop.failure))
            if not from_driver:
                complete.append((hop, None if hop.reply else hop.failure))
        while len(self._calls) > MOST_CALLS:
            complete.append((self._calls.pop(next(iter(self._calls))), None))
        self._write_hops(complete)

    def end(self, end: End) -> None:
        """Write the calls that have no reply, what was lost, and close the file."""
        self._write_hops([(call, None) for call in self._calls.values()])
        lost = end.lost
        phase = self._protos.FtraceStats.END_OF_TRACE
        self._write([self._losses(phase, lost.overwritten, lost.dropped + lost.missed_hits + end.unreadable)])
        self._file.close()

    def _write_hops(self, hops: Sequence[tuple[Hop, Failure | None]]) -> None:
        if not hops:
            return
        packet = self._protos.TracePacket()
        packet.ftrace_events.cpu = 0
        for hop, failure in hops:
            self._add_events(packet.ftrace_events.event, hop, failure)
        self._write([*self._new_names([hop for hop, _ in hops]), packet])

    def _add_events(self, events: Any, hop: Hop, failure: Failure | None) -> None:
        """The events of one transaction: Perfetto sorts all events by their times."""
        sent = _nanoseconds(hop.sent)
        thread = hop.sender.thread or 0
        if failure is not None:
            events.add(timestamp=sent, pid=thread).binder_command.cmd = BC_TRANSACTION
        transaction = events.add(timestamp=sent, pid=thread).binder_transaction
        transaction.debug_id = hop.number
        transaction.target_node = hop.node
        transaction.to_proc = hop.receiver.process or 0
        transaction.to_thread = hop.receiver.thread or 0 if hop.reply else 0
        transaction.reply = int(hop.reply)
        transaction.code = hop.code
        transaction.flags = hop.flags
        if hop.data_size is not None:
            buffer = events.add(timestamp=sent, pid=thread).binder_transaction_alloc_buf
            buffer.debug_id = hop.number
            buffer.data_size = hop.data_size
            buffer.offsets_size = hop.offsets_size
        if hop.received is not None and hop.receiver.thread is not None:
            received = events.add(timestamp=_nanoseconds(hop.received), pid=hop.receiver.thread)
            received.binder_transaction_received.debug_id = hop.number
        if failure is not None:
            returned = events.add(timestamp=_nanoseconds(failure.time), pid=thread)
            returned.binder_return.cmd = _COMMANDS.get(failure.command, _FAILED_REPLY)
        self._add_name(events, hop)

    def _add_name(self, events: Any, hop: Hop) -> None:
        """The beginning of a named slice on the receiver's thread, or with a reply, its end."""
        if hop.interface is None:
            return
        if hop.reply:
            if hop.answers is not None:
                at, thread = max(_nanoseconds(hop.sent) - 1, 0), hop.sender.thread
                text = f"E|{hop.sender.process or 0}\n"
                events.add(timestamp=at, pid=thread).print.buf = text
            return
        if hop.received is None or hop.receiver.thread is None:
            return
        name = f"AIDL::binder::{hop.interface}::{method_of(self._names, hop.interface, hop.code)}::server"
        at, thread = _nanoseconds(hop.received) + 1, hop.receiver.thread
        events.add(timestamp=at, pid=thread).print.buf = f"B|{hop.receiver.process or 0}|{name}\n"
        if hop.one_way:  # when it ends is not traced
            events.add(timestamp=at, pid=thread).print.buf = f"E|{hop.receiver.process or 0}\n"

    def _new_names(self, hops: Sequence[Hop]) -> Iterator[Any]:
        """A packet with the processes and threads that were not written before, or have a new name."""
        packet = self._protos.TracePacket()
        for end in (end for hop in hops for end in (hop.sender, hop.receiver)):
            if end.process is None:
                continue
            if self._processes.get(end.process) != end.name:
                self._processes[end.process] = end.name
                packet.process_tree.processes.add(pid=end.process, cmdline=[end.name])
            if end.thread is not None and end.thread not in self._threads:
                self._threads.add(end.thread)
                packet.process_tree.threads.add(tid=end.thread, tgid=end.process)
        if packet.HasField("process_tree"):
            packet.timestamp = _nanoseconds(hops[0].sent)
            yield packet

    def _losses(self, phase: int, overwritten: int, dropped: int) -> Any:
        packet = self._protos.TracePacket()
        packet.ftrace_stats.phase = phase
        packet.ftrace_stats.cpu_stats.add(cpu=0, overrun=overwritten, dropped_events=dropped)
        return packet

    def _write(self, packets: Sequence[Any]) -> None:
        # A file may be several messages one after the other: their repeated field `packet` goes on.
        self._file.write(self._protos.Trace(packet=packets).SerializeToString())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
