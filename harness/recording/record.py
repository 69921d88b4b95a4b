"""Records the transactions on a device while a block of Python runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.framework.dialect import code_names_on
from harness.framework.transaction_codes import CodeNames
from harness.kernel.files import Files
from harness.kernel.proc.process import ProcessFiles
from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    BEGINNING,
    RECEIVED,
    RETURNED,
    SENT,
    Hop,
    failure_filters,
    transaction_events,
)
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.recording import Recording
from harness.recording.hops import Hops

if TYPE_CHECKING:
    from harness.device.device import Device


class TransactionRecord:
    """A recording: live inside the block of `record_transactions`, final after it."""

    def __init__(self, recording: Recording, files: Files, names: CodeNames) -> None:
        self._recording = recording
        self._files = files
        self._names = names
        self._process_names: dict[int, str] = {}

    @property
    def hops(self) -> Hops:
        """The transactions so far."""
        hops = tuple(self._with_sender(hop) for hop in parse_hops(self._recording.events()))
        for end in (end for hop in hops for end in (hop.sender, hop.receiver)):
            if end.process is not None and end.process not in self._process_names:
                self._process_names[end.process] = self._name_of(end.process, end.name)
        return Hops(hops, self._recording.lost, self._names).naming(self._process_names)

    def _with_sender(self, hop: Hop) -> Hop:
        """The hop with its sender's process.

        The kernel notes a thread's process when it next leaves a processor after its first event
        (kernel/trace/trace.c, tracing_record_taskinfo_sched_switch, Linux 6.12): a live recording may be
        read before that.
        """
        if hop.sender.process is not None or hop.sender.thread is None:
            return hop
        try:
            process = int(ProcessFiles(self._files, hop.sender.thread).status.fields["Tgid"])
        except OSError:  # it has ended
            return hop
        return replace(hop, sender=replace(hop.sender, process=process))

    def _name_of(self, process: int, fallback: str) -> str:
        """The name of a process's program while it runs: `comm` is cut to 15 characters."""
        try:
            program = self._files.read_text(f"/proc/{process}/cmdline").partition("\0")[0]
        except OSError:
            return fallback
        return program.rpartition("/")[2] or fallback


@contextmanager
def record_transactions(
    device: Device, *, buffer_kib: int = 4096, names: CodeNames | None = None
) -> Iterator[TransactionRecord]:
    """Record every transaction on the device during the block; see `Hops` for filters.

    `buffer_kib` is for each processor. Interfaces have names where the kernel accepts a probe on the driver;
    codes have those of `names`, by default the known ones of the device.
    Raises TracingMissingError where the kernel cannot be traced, UsageError where its driver has no
    tracepoints.
    """
    names = names or code_names_on(device)  # before the recording: this may call the device
    probes = [BEGINNING] if device.tracing.can_probe(BEGINNING) else []
    events = transaction_events(device.tracing, SENT, ALLOCATED, RECEIVED, RETURNED)
    with device.tracing.record(
        events=events, kprobes=probes, filters=failure_filters(events), buffer_kib=buffer_kib
    ) as recording:
        record = TransactionRecord(recording, device.files, names)
        yield record
        _ = record.hops  # names the processes before they end
