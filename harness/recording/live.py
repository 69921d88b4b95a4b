"""Records the transactions on a device for as long as wanted, in bounded memory.

with follow_transactions(device, export_to(Path("day.perfetto-trace"))) as recorder:
    time.sleep(3600)
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.framework.dialect import code_names_on
from harness.framework.transaction_codes import CodeNames
from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    BEGINNING,
    RECEIVED,
    RELEASED,
    RENAMED,
    RETURNED,
    SENT,
    Hop,
    failure_filters,
    transaction_events,
    transaction_probes,
)
from harness.kernel.tracing.hop_collector import HopCollector, SendingOrder
from harness.kernel.tracing.live_trace import LiveTrace
from harness.kernel.tracing.recording import Lost
from harness.recording.exports.export import Beginning, End, Export
from harness.recording.exports.several import SeveralExports
from harness.recording.service_nodes import service_interfaces
from harness.recording.statistics import ENDED, HeldBuffers, Statistics
from harness.recording.threads import EVENTS as THREAD_EVENTS
from harness.recording.threads import Threads

if TYPE_CHECKING:
    from harness.device.device import Device

CLOCK = "boot"
INTERVAL = 0.2
"""Seconds between two readings of the kernel's buffers."""
MOST_WAITING = 10_000
"""Transactions that wait for a receiver, or for one sent before them; beyond that, the oldest are written."""
BUFFER_KIB = 8192
"""Of each processor: some four seconds at 10,000 calls a second."""


class Recorder:
    """A recording, live inside the block of `follow_transactions`, final after it.

    `statistics` and `held` change meanwhile: look at them under `lock`.
    """

    def __init__(
        self,
        trace: LiveTrace,
        threads: Threads,
        names: CodeNames,
        exports: SeveralExports,
        interfaces: Mapping[int, str] | None = None,
    ) -> None:
        """`interfaces` has those of nodes, for what the trace does not name."""
        self.lock = threading.Lock()
        self.statistics = Statistics(names)
        self.held = HeldBuffers()
        self.events = 0
        """How many events were read."""
        self.failure: Exception | None = None
        """Why the recording ended early."""
        self._trace = trace
        self._threads = threads
        self._exports = exports
        self._collector = HopCollector(MOST_WAITING, interfaces)
        self._order = SendingOrder(MOST_WAITING)
        self._began = time.monotonic()
        self._seconds: float | None = None
        self._stopped = threading.Event()
        self._reader = threading.Thread(target=self._read_on, name="reader of the trace", daemon=True)
        self._reader.start()

    @property
    def seconds(self) -> float:
        """How long it has recorded."""
        return time.monotonic() - self._began if self._seconds is None else self._seconds

    @property
    def lost(self) -> Lost:
        """What the recording lacks, so far."""
        return self._trace.lost

    @property
    def unreadable(self) -> int:
        """Pages or events of the trace that could not be decoded."""
        return self._trace.unreadable

    def name_of(self, process: int) -> str:
        """The name of a process that was recorded."""
        return self._threads.name_of(process)

    def finish(self) -> None:
        """End the recording, and write what is left; raises what ended it early after that."""
        self._stopped.set()
        self._reader.join()
        self._seconds = self.seconds
        try:
            if self.failure is None:
                self._trace.stop()
                self._take_events()
        finally:
            try:
                self._write(self._collector.rest(), math.inf)
            finally:
                end = End(self.seconds, self._final_loss(), self.unreadable, self.statistics)
                self._exports.end(end)
        if self.failure is not None:
            raise self.failure

    def _read_on(self) -> None:
        try:
            while not self._stopped.wait(INTERVAL):
                self._take_events()
        except Exception as error:  # whatever it is, the main thread raises it
            self.failure = error

    def _take_events(self) -> None:
        events = self._trace.read()
        self.events += len(events)
        with self.lock:
            for event in events:
                self._threads.take(event)
                self.held.take(event)
                self._collector.take(event)
        self._write(self._collector.completed(), self._collector.oldest_waiting)

    def _write(self, hops: Sequence[Hop], sent_before: float) -> None:
        """Count these, and write what was sent before a time: files have the order of sending."""
        named = [self._threads.named(hop) for hop in hops]
        with self.lock:
            self.statistics.add(named)
        self._order.add(named)
        ready = self._order.ready(sent_before)
        self._exports.add(ready)

    def _final_loss(self) -> Lost:
        with contextlib.suppress(Exception):  # of a device that is lost nothing can be read
            return self.lost
        return Lost(0, 0, 0)


@contextlib.contextmanager
def follow_transactions(
    device: Device, *exports: Export, names: CodeNames | None = None, buffer_kib: int = BUFFER_KIB
) -> Iterator[Recorder]:
    """Record every transaction on the device during the block, and write it to files as it comes.

    `buffer_kib` is for each processor: what does not fit until it is read is lost, and counted. Interfaces
    have names where the kernel accepts a probe on the driver; elsewhere only those of registered services
    have, which are asked before. Codes have the names of `names`, by default the known ones of the device.
    Raises TracingMissingError where the kernel cannot be traced, UsageError where its driver has no
    tracepoints, and in the end SetupError where a file could not be written on, as on a full disk: the others
    are whole.
    """
    names = names or code_names_on(device)
    tracing = device.tracing
    events = transaction_events(tracing, SENT, ALLOCATED, RECEIVED, RETURNED, *RELEASED)
    wanted = [f"{group}:{name}" for group, each in THREAD_EVENTS.items() for name in each]
    existing = {*tracing.events("sched"), *tracing.events("task")}
    threads = [event for event in (*wanted, f"sched:{ENDED}") if event in existing]
    facts = device.facts
    beginning = Beginning(
        serial=device.serial,
        kernel_release=facts.kernel_release,
        architecture=facts.architecture,
        android_release=facts.android_release,
        clock=CLOCK,
        names=names,
    )
    probes = transaction_probes(tracing, device.architecture, events)
    interfaces = {} if BEGINNING in probes else service_interfaces(device)
    with tracing.follow(
        events=(*events, *threads),
        kprobes=probes,
        filters=failure_filters(events),
        renamed=RENAMED,
        buffer_kib=buffer_kib,
        clock=CLOCK,
    ) as trace:
        files = SeveralExports(exports)
        files.begin(beginning)
        recorder = Recorder(trace, Threads(device.files), names, files, interfaces)
        try:
            yield recorder
        finally:
            recorder.finish()
