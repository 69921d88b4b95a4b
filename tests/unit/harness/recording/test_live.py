"""A recording that goes on: what was read is written, however it ends."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from emulator.base.errors import SetupError
from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.binder_transactions import Hop
from harness.kernel.tracing.events import TraceEvent, parse_trace
from harness.kernel.tracing.recording import Lost
from harness.recording import live
from harness.recording.exports.export import Beginning, End
from harness.recording.exports.several import SeveralExports
from harness.recording.live import Recorder
from harness.recording.threads import Threads
from tests.support.fake_files import FakeFiles
from tests.unit.harness.recording.test_statistics import TRACE


class FakeTrace:
    """A trace that gives its events at the first reading, and after that what `later` says."""

    def __init__(self, later: Exception | None = None) -> None:
        self._later = later
        self._events: tuple[TraceEvent, ...] = parse_trace(TRACE).events
        self.read_once = threading.Event()
        self.stopped = False
        self.unreadable = 0

    @property
    def lost(self) -> Lost:
        if self._later is not None:
            raise self._later
        return Lost(7, 0, 0)

    def read(self) -> Sequence[TraceEvent]:
        if self.read_once.is_set() and self._later is not None:
            raise self._later
        events, self._events = self._events, ()
        self.read_once.set()
        return events

    def stop(self) -> None:
        self.stopped = True


class FakeExport:
    path = Path("recording.json")

    def __init__(self) -> None:
        self.hops: list[Hop] = []
        self.end_of_it: End | None = None

    def begin(self, beginning: Beginning) -> None: ...

    def add(self, hops: Sequence[Hop]) -> None:
        self.hops += hops

    def end(self, end: End) -> None:
        self.end_of_it = end


def recorder(trace: FakeTrace, *exports: FakeExport) -> Recorder:
    files = FakeFiles({"/proc/30/status": "Name:\tserver\nTgid:\t30\n", "/proc/30/cmdline": "/bin/manager\0"})
    return Recorder(cast(Any, trace), Threads(files), code_names, SeveralExports(exports))


def test_all_that_was_recorded_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "INTERVAL", 0.001)
    trace, export = FakeTrace(), FakeExport()
    recording = recorder(trace, export)
    assert trace.read_once.wait(10)
    recording.finish()
    assert [hop.number for hop in export.hops] == [1, 2, 3]
    assert {hop.receiver.name for hop in export.hops[:2]} == {"manager"}
    assert export.end_of_it is not None
    assert (export.end_of_it.lost, export.end_of_it.complete) == (Lost(7, 0, 0), False)
    assert export.end_of_it.statistics.transactions == 3
    assert trace.stopped
    assert recording.events == len(parse_trace(TRACE).events)


def test_what_was_read_before_the_device_was_lost_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "INTERVAL", 0.001)
    trace, export = FakeTrace(later=OSError("gone")), FakeExport()
    recording = recorder(trace, export)
    assert trace.read_once.wait(10)
    with pytest.raises(OSError, match="gone"):
        recording.finish()
    assert [hop.number for hop in export.hops] == [1, 2, 3]
    assert export.end_of_it is not None


class FullExport(FakeExport):
    path = Path("full.json")

    def add(self, hops: Sequence[Hop]) -> None:
        if hops:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_cannot_be_written_on_ends_the_recording(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "INTERVAL", 0.001)
    trace = FakeTrace()
    recording = recorder(trace, FullExport())
    assert trace.read_once.wait(10)
    with pytest.raises(SetupError, match=r"^Not whole: full\.json\. Free some space"):
        recording.finish()
    assert trace.stopped or recording.failure is not None
    shown = capsys.readouterr().err
    assert shown.count("full.json cannot be written on: No space left on device; it keeps what it has") == 1


def test_the_other_files_of_a_recording_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagram and a text beside a file on a full disk were empty."""
    monkeypatch.setattr(live, "INTERVAL", 0.001)
    trace, other = FakeTrace(), FakeExport()
    recording = recorder(trace, FullExport(), other)
    assert trace.read_once.wait(10)
    with pytest.raises(SetupError, match=r"^Not whole: full\.json\."):
        recording.finish()
    assert recording.failure is None
    assert [hop.number for hop in other.hops] == [1, 2, 3]
    assert other.end_of_it is not None
