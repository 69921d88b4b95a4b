"""Records the transactions on a device while a block of Python runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.argument_types import checked
from harness.framework.dialect import code_names_on
from harness.framework.transaction_codes import CodeNames
from harness.kernel.concise import counted
from harness.kernel.files import Files
from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    BEGINNING,
    RECEIVED,
    RETURNED,
    SENT,
    failure_filters,
    transaction_events,
    transaction_probes,
)
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.recording import Recording
from harness.recording.hops import Hops
from harness.recording.service_nodes import service_interfaces
from harness.recording.threads import Threads

if TYPE_CHECKING:
    from harness.device.device import Device


class TransactionRecord:
    """A recording: live inside the block of `record_transactions`, final after it."""

    def __init__(
        self,
        recording: Recording,
        files: Files,
        names: CodeNames,
        process_names: Mapping[int, str] | None = None,
        interfaces: Mapping[int, str] | None = None,
    ) -> None:
        """`process_names` has names to show instead of programs', by process id; `interfaces` those of nodes,
        for what the trace does not name."""
        self._interfaces = interfaces
        self._process_names = process_names or {}
        self._recording = recording
        self._names = names
        self._threads = Threads(files)

    def __repr__(self) -> str:
        if not self._recording.final:
            return "<TransactionRecord: recording>"
        return f"<TransactionRecord: {counted(len(self.hops), 'transaction')}>"

    @property
    def hops(self) -> Hops:
        """The transactions so far.

        The kernel notes a thread's process when it next leaves a processor after its first event
        (kernel/trace/trace.c, tracing_record_taskinfo_sched_switch, Linux 6.12): /proc has it before that.
        """
        hops = tuple(map(self._threads.named, parse_hops(self._recording.events(), self._interfaces)))
        return Hops(hops, self._recording.lost, self._names).naming(self._process_names)


@checked
@contextmanager
def record_transactions(
    device: Device, *, buffer_kib: int = 4096, names: CodeNames | None = None
) -> Iterator[TransactionRecord]:
    """Record every transaction on the device during the block; see `Hops` for filters.

    `buffer_kib` is for each processor. Interfaces have names where the kernel accepts a probe on the driver;
    elsewhere, as on the driver in Rust, only those of registered services have, which are asked before.
    Codes have the names of `names`, by default the known ones of the device.
    Raises TracingMissingError where the kernel cannot be traced, UsageError where its driver has no
    tracepoints.
    """
    names = names or code_names_on(device)  # before the recording: this may call the device
    events = transaction_events(device.tracing, SENT, ALLOCATED, RECEIVED, RETURNED)
    probes = transaction_probes(device.tracing, device.architecture, events)
    interfaces = {} if BEGINNING in probes else service_interfaces(device)
    with device.tracing.record(
        events=events, kprobes=probes, filters=failure_filters(events), buffer_kib=buffer_kib
    ) as recording:
        record = TransactionRecord(recording, device.files, names, device.process_names, interfaces)
        yield record
        _ = record.hops  # names the processes before they end
