"""A search for a program on which driver and model differ, within limits of time and steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hypothesis.database import ExampleDatabase
from hypothesis.errors import Flaky

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.explore.choosing.rules import ALWAYS, RULES
from harness.explore.comparison import Apart, DisagreementError, Taker, Together
from harness.explore.coverage import Coverage
from harness.explore.machine import run_programs
from harness.explore.shrinking import shortest
from harness.model.steps import Exchange, ImpossibleStepError, Step

PROGRAMS = 20
"""Programs between two looks at the limits."""
PROGRESS_SECONDS = 5.0
SHRINKING_SECONDS = 60.0
"""How long hypothesis looks for a shorter program that differs."""
SHORTENING_SECONDS = 30.0
"""How long steps are left out of the one that it found."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends; without any, at the first difference."""

    seconds: float | None = None
    steps: int | None = None


class _OverError(KeyboardInterrupt):
    """A limit is reached. hypothesis takes every other exception for a failure of the program."""


class Search:
    """One search, and what it has done so far."""

    def __init__(
        self,
        *takers: Taker,
        limits: Limits,
        progress: Callable[[Search], None] = lambda _: None,
    ) -> None:
        """`takers`: the drivers; steps are chosen for the first, and the others are compared with it, too."""
        self.coverage = Coverage(takers[0].features)
        self.apart: dict[str, Apart] = {}
        """How the drivers differ from each other, each as its model says."""
        self.programs = 0
        self.steps = 0
        self.commands = 0
        """Commands written to the driver, and other ioctls."""
        self.disagreement: DisagreementError | None = None
        self.reproducible = True
        """Whether the program of the disagreement differs each time it is run."""
        self.unfinished: tuple[Step, ...] = ()
        """The program whose last step ended in an error of the device or of the harness."""
        self._shrinking: Deadline | None = None
        self._error: HarnessError | OSError | None = None
        self._takers = takers
        self._limits = limits
        self._progress = progress
        self._started = time.monotonic()
        self._ended = 0.0
        self._next_progress = Deadline(PROGRESS_SECONDS)

    @property
    def seconds(self) -> float:
        """How long the search took, or takes until now."""
        return (self._ended or time.monotonic()) - self._started

    @property
    def over(self) -> bool:
        """Whether a limit is reached; what differs is still shrunk, for a time."""
        if self._shrinking is not None:
            return self._shrinking.expired
        seconds, steps = self._limits.seconds, self._limits.steps
        return (seconds is not None and self.seconds >= seconds) or (
            steps is not None and self.steps >= steps
        )

    def run(self, names: Sequence[str], *, seed: int, database: ExampleDatabase | None = None) -> None:
        """Search with these rules, and those that every program needs.

        Raises the HarnessError or OSError with which a step ended: DeviceLostError where the device did.
        """
        rules = [name for name in RULES if name in names or name in ALWAYS]
        while not self.over and self.disagreement is None:
            try:
                run_programs(self, rules, programs=PROGRAMS, seed=seed, database=database)
            except DisagreementError as error:
                self.disagreement = error
            except _OverError:
                if self._error is not None:
                    raise self._error from None
            except Flaky:
                self.reproducible = False
            seed += 1
            database = None  # what failed in an earlier search has been tried
        self._ended = time.monotonic()
        if self.disagreement is not None and self.reproducible:
            shortest(self.disagreement.program, self._disagrees, Deadline(SHORTENING_SECONDS))

    def shorten(self, seconds: float) -> None:
        """Look for the shortest program for each way in which a driver without a model differs."""
        deadline = Deadline(seconds)
        for each in self.apart.values():
            if not each.is_known:
                each.program = shortest(each.program, partial(self._shows, each.what), deadline)

    def _disagrees(self, program: Sequence[Step]) -> bool:
        """Whether driver and model differ in the last step of a program; it is the disagreement, then."""
        try:
            self._replay(program, {})
        except DisagreementError as error:
            if error.program == tuple(program):
                self.disagreement = error
                return True
        except ImpossibleStepError:
            return False
        return False

    def _replay(self, program: Sequence[Step], apart: dict[str, Apart]) -> None:
        """Take a program from the beginning, up to where a driver without a model goes its own way."""
        together = Together(self._takers, apart)
        try:
            for step in program:
                if not together.is_over:
                    together.take(step)
        finally:
            for taker in self._takers:
                taker.reset()

    def _shows(self, what: str, program: Sequence[Step]) -> bool:
        """Whether the drivers differ in this way in the last step of a program."""
        apart: dict[str, Apart] = {}
        try:
            self._replay(program, apart)
        except (DisagreementError, ImpossibleStepError):
            return False
        return what in apart and apart[what].program == tuple(program)

    def begin(self) -> Together:
        """A new program."""
        return Together(self._takers, self.apart)

    def take(self, comparison: Together, step: Step) -> None:
        """Take a step, unless the search is over; DisagreementError where the driver differs."""
        if self.over:
            raise _OverError
        self.coverage.before(comparison.worlds.likely, step)
        try:
            outcome = comparison.take(step)
        except DisagreementError as error:
            if self._shrinking is None:
                self._shrinking = Deadline(SHRINKING_SECONDS)
            if self.disagreement is None or len(error.program) <= len(self.disagreement.program):
                self.disagreement = error
            raise
        except (HarnessError, OSError) as error:
            self._error = error
            self.unfinished = tuple(comparison.worlds.program)
            raise _OverError from error
        self.coverage.after(outcome)
        self.steps += 1
        self.commands += len(step.commands) if isinstance(step, Exchange) and step.commands else 1
        if self._next_progress.expired:
            self._next_progress = Deadline(PROGRESS_SECONDS)
            self._progress(self)

    def end(self) -> None:
        """The program is over: end its processes."""
        if self._error is None:
            for taker in self._takers:
                taker.reset()
        self.programs += 1
