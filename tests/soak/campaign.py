"""Plays rounds of faults, keeps what came of each, and shows a table; it goes on where it was ended."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tests.soak.place import Place, places, prepare
from tests.soak.round import Fault, Outcome, play


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rounds are to be played."""

    faults: Sequence[Fault]
    rounds: int
    """Of each fault."""
    seed: str
    """Decides every random choice of each round."""

    def __iter__(self) -> Iterator[tuple[Fault, int]]:
        for number in range(self.rounds):
            yield from ((fault, number) for fault in self.faults)


class Record:
    """The outcomes so far, in a file with a line for each, which later campaigns of this seed go on with."""

    def __init__(self, file: Path, seed: str) -> None:
        self._file = file
        self._seed = seed
        self._lock = threading.Lock()
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        for line in file.read_text().splitlines() if file.exists() else ():
            fields = json.loads(line)
            if fields.pop("seed") == seed:
                self._keep(Outcome(**{**fields, "problems": tuple(fields["problems"])}))

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome, on the disk, too."""
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps({"seed": self._seed, **outcome.to_json()}) + "\n")
            self._keep(outcome)

    def _keep(self, outcome: Outcome) -> None:
        self.outcomes[outcome.fault, outcome.number] = outcome


def run(plan: Plan, record: Record, directory: Path, *, jobs: int, seconds: float) -> None:
    """Play the rounds that the record lacks, so many at a time, and begin none after so many seconds.

    An interruption lets those that go on end, since their runs would not end with this process.
    """
    last = time.monotonic() + seconds
    stopping = threading.Event()
    waiting: queue.SimpleQueue[tuple[Fault, int]] = queue.SimpleQueue()
    missing = [(fault, number) for fault, number in plan if (fault.name, number) not in record.outcomes]
    for each in missing:
        waiting.put(each)

    def work(place: Place) -> None:
        prepare(place)
        while time.monotonic() < last and not stopping.is_set():
            try:
                fault, number = waiting.get_nowait()
            except queue.Empty:
                return
            outcome = play(fault, number, plan.seed, place)
            record.add(outcome)
            _show(outcome, len(record.outcomes))

    with places(directory, jobs if missing else 0) as own:
        workers = [threading.Thread(target=work, args=(place,)) for place in own]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        except KeyboardInterrupt:
            stopping.set()
            for worker in workers:
                worker.join()
            raise


def _show(outcome: Outcome, done: int) -> None:
    state = "LOST" if outcome.problems else "survived" if outcome.hit else "survived, not hit"
    print(f"[{done}] {outcome.fault} {outcome.number}: {state} ({outcome.seconds:g} s)", flush=True)
    for problem in outcome.problems:
        print(f"    {problem}", flush=True)


def table(faults: Iterable[Fault], outcomes: Iterable[Outcome]) -> Table:
    """The outcomes, with a row for each fault."""
    result = Table("fault", "what happens", box=None)
    for name in ("rounds", "hit", "survived", "lost"):
        result.add_column(name, justify="right")
    by_fault: dict[str, list[Outcome]] = {}
    everything = list(outcomes)
    for outcome in everything:
        by_fault.setdefault(outcome.fault, []).append(outcome)
    for fault in faults:
        if fault.name in by_fault:
            result.add_row(fault.name, fault.what, *_counts(by_fault[fault.name]))
    result.add_row("all", "", *_counts(everything))
    return result


def _counts(outcomes: list[Outcome]) -> tuple[str, ...]:
    lost = sum(bool(outcome.problems) for outcome in outcomes)
    hit = sum(outcome.hit for outcome in outcomes)
    return str(len(outcomes)), str(hit), str(len(outcomes) - lost), str(lost)
