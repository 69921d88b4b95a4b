"""What recording costs beside a load of 2,000 calls a second: events lost, processor time, slower calls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.rows import Figure, Row, in_turns
from bench.suite import Bench, Benchmark
from bench.transports import run
from harness.recording.exports.files import export_to
from harness.recording.live import follow_transactions

RATE = 2000
"""Calls a second."""
SECONDS = 5
CALL_SIZE = 100
"""Bytes."""
USER, NICE, SYSTEM = 1, 2, 3
TICKS = 100
"""Of /proc/stat, a second (USER_HZ)."""


class _Runs:
    """The figures of runs, with the recording and without."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.lost: list[float] = []
        self.here: list[float] = []
        self.there: dict[bool, list[float]] = {True: [], False: []}

    def alone(self) -> float:
        """The median of a call, in µs, without a recording."""
        return self._load(recorded=False)

    def recorded(self) -> float:
        """The same with one that writes a JSON document and a Perfetto trace."""
        with TemporaryDirectory() as directory:
            exports = [export_to(Path(directory) / name) for name in ("bench.json", "bench.pftrace")]
            before = time.process_time()
            with follow_transactions(self._bench.device, *exports) as recorder:
                median = self._load(recorded=True)
            self.here.append((time.process_time() - before) * 1e3 / recorder.seconds)
        lost = recorder.lost.overwritten + recorder.lost.dropped
        self.lost.append(100 * lost / (recorder.events + lost))
        return median

    def _load(self, *, recorded: bool) -> float:
        busy, began = self._busy(), time.monotonic()
        median = run(
            self._bench, "binder", "--rate", RATE, "--calls", RATE * SECONDS, "--bytes", CALL_SIZE
        ).median
        self.there[recorded].append((self._busy() - busy) * 1e3 / (time.monotonic() - began))
        return median

    def _busy(self) -> float:
        """Seconds for which the device's processors were not idle."""
        words = self._bench.device.files.read_text("/proc/stat").splitlines()[0].split()
        return sum(int(words[place]) for place in (USER, NICE, SYSTEM)) / TICKS


def _recording(bench: Bench) -> Iterator[Row]:
    runs = _Runs(bench)
    recorded, alone = in_turns(bench.rounds, [("with a recording", runs.recorded), ("without", runs.alone)])
    there = {kind: tuple(values) for kind, values in runs.there.items()}
    yield Row("record.call", "µs", recorded, alone)
    yield Row(
        "record.device-time", "ms/s", Figure("with a recording", there[True]), Figure("without", there[False])
    )
    yield Row("record.host-time", "ms/s", Figure("this process", tuple(runs.here)))
    yield Row("record.lost", "%", Figure("of all events", tuple(runs.lost)))


BENCHMARKS = [Benchmark("record", _recording)]
