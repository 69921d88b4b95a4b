"""One round: runs are started, hit by a fault, and everything is checked that has to be true afterwards."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from emulator.adb.server import answers
from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from tests.soak.belongings import Process, end, left_in_cache, processes
from tests.soak.place import Place
from tests.soak.runs import Ended, Run

SETTLES_WITHIN = 20.0
"""After the last run: its keeper lets the adb server live for a second, and asks it for its devices."""
NEXT_RUN = ("verify", "mmap.once")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to runs of this project, and how they may end."""

    name: str
    what: str
    """What happens, for readers of the table."""
    inflict: Callable[[Round], bool]
    """Does it, while the runs go on; whether there was something to hit."""
    ends: frozenset[int] = frozenset({0})
    """The exit statuses of the run that was hit, as shells count."""
    prepare: Callable[[Round], None] | None = None
    """Does what has to be done before the runs start."""
    commands: tuple[tuple[str, ...], ...] = (("verify", "node", "mmap"),)
    """What is run; one of them, chosen at random."""
    at_once: int = 1
    """How many runs go on at the same time; the first is hit."""
    needs_root: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a round."""

    fault: str
    number: int
    hit: bool
    """Whether there was something to hit; a run may have ended before."""
    seconds: float
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The outcome as a line of the soak's record holds it."""
        return asdict(self)


class Round:
    """A round that goes on: what a fault needs to know of it."""

    def __init__(self, fault: Fault, number: int, seed: str, place: Place) -> None:
        self.fault = fault
        self.number = number
        self.place = place
        self.random = random.Random(f"{seed}/{fault.name}/{number}")
        self.mark = f"{seed}-{fault.name.replace(' ', '-')}-{number}"
        self.environment = place.environment(self.mark)
        self.runs: list[Run] = []
        self.undo = contextlib.ExitStack()
        """What has to be undone before the next run."""

    @property
    def running(self) -> bool:
        """Whether the run that is to be hit has not ended."""
        return self.runs[0].running

    def processes(self) -> list[Process]:
        """The processes of the round."""
        return list(processes(self.mark))

    def pause(self, longest: float) -> None:
        """Wait a random time, so that the fault comes at a random moment."""
        time.sleep(self.random.uniform(0, longest))

    def start(self, words: tuple[str, ...], name: str = "run") -> Run:
        """Start a run, with its document where it writes one."""
        results = self.place.results
        document = results / f"{name}.json" if words[0] in ("verify", "matrix") else None
        log = self.place.directory / f"{name}.log"
        return Run(words, results, self.environment, log, document)

    def settle(self) -> list[str]:
        """Wait until nothing of the round runs; what is left after 20 s is killed and returned."""

        def quiet() -> bool:
            return not self.processes() and not answers(self.place.adb_port)

        try:
            Deadline(SETTLES_WITHIN).poll(quiet, "the end of the round's processes", interval=0.05)
        except TimeLimitError:
            left = self.processes()
            end(left)
            return [f"left running: {process}" for process in left] or [
                f"port {self.place.adb_port} is still open"
            ]
        return []


def play(fault: Fault, number: int, seed: str, place: Place) -> Outcome:
    """Play a round; whatever is left or lost is in the outcome."""
    started = time.monotonic()
    this = Round(fault, number, seed, place)
    problems: list[str] = []
    with this.undo:
        if fault.prepare is not None:
            fault.prepare(this)
        words = this.random.choice(fault.commands)
        for index in range(fault.at_once):
            this.runs.append(this.start(words, f"run{index}" if index else "run"))
        hit = fault.inflict(this)
        ends = [run.end() for run in this.runs]
    problems += _problems(fault, ends, hit=hit)
    if this.random.random() < 0.5:  # otherwise the next run meets what is just ending
        problems += this.settle()
    following = this.start(NEXT_RUN).end()
    problems += [f"the next run: {problem}" for problem in following.problems(frozenset({0}))]
    problems += this.settle()
    problems += [f"left in the cache: {name}" for name in left_in_cache(place.cache)]
    problems += [f"left in TMPDIR: {path.name}" for path in place.temporary.iterdir()]
    problems += _results_left(this)
    return Outcome(fault.name, number, hit, round(time.monotonic() - started, 1), tuple(problems))


def _problems(fault: Fault, ends: list[Ended], *, hit: bool) -> Iterator[str]:
    first, *others = ends
    yield from first.problems(fault.ends if hit else frozenset({0}))
    for ended in others:
        yield from (f"a run beside it: {problem}" for problem in ended.problems(frozenset({0})))


def _results_left(this: Round) -> Iterator[str]:
    """The files beside the documents; they are removed for the next round."""
    documents = {run.document for run in this.runs} | {this.place.results / "run.json"}
    for path in this.place.results.iterdir():
        if path not in documents:
            yield f"left beside the results: {path.name}"
        path.unlink()
