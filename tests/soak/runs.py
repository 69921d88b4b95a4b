"""Runs of this project, as a user starts them, and what has to be true of their results however they end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, UsageError
from harness.report import journal
from harness.report.document import Document
from harness.report.matrix import Matrix

PROGRAM = (sys.executable, "-c", "from harness.cli import main; main()")
JUDGED = re.compile(r"^\[ *\d+/\d+\] ([\w.-]+): \w+, ", re.MULTILINE)
"""The line in which `verify` shows that a claim has been judged."""
ENDS_WITHIN = 400.0
"""Where all processes of a device are killed at once, a claim may take as long as its limit, 120 s."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended."""

    status: int
    """As shells count: 128 + N after signal N."""
    output: str
    """What it wrote, standard error and output together."""
    document: Path | None

    def problems(self, expected: frozenset[int]) -> Iterator[str]:
        """What is wrong with it, where these are the statuses that it may end with."""
        if self._before_main:
            return
        if self.status not in expected:
            yield f"it ended with {self.status}, not one of {sorted(expected)}: {self.output[-1500:]}"
        if "Traceback (most recent call last)" in self.output:
            yield f"a traceback: {self.output[-3000:]}"
        if self.document is not None:
            yield from self._problems_of(self.document)

    @property
    def _before_main(self) -> bool:
        """Whether Ctrl-C came before `main` could handle it: then Python shows where it was."""
        if self.status == 1 and "Fatal Python error: init_" in self.output:
            return True
        interrupted = self.status == 128 + signal.SIGINT and "KeyboardInterrupt" in self.output
        return interrupted and "in main\n" not in self.output

    def _problems_of(self, path: Path) -> Iterator[str]:
        judged = len(set(JUDGED.findall(self.output)))
        partial = journal.journal_of(path)
        if self.status == 128 + signal.SIGKILL:
            if partial.exists() and partial.stat().st_size:
                yield from _problems_of_document(partial, judged, journal.A_SUDDEN_END)
            elif judged and not path.exists():
                yield f"{judged} claims were judged, and neither {path.name} nor its journal is there"
            return
        if partial.exists():
            yield f"{partial.name} is left though the run was not killed"
        if self.status > 128:
            interrupted = signal.Signals(self.status - 128).name
            if path.exists():
                yield from _problems_of_document(path, judged, interrupted)
            elif judged:
                yield f"{judged} claims were judged, and {path.name} is not there"
        elif self.status in (0, 1, 3):
            yield from _problems_of_document(path, judged, None)


def _problems_of_document(path: Path, judged: int, interrupted: str | None) -> Iterator[str]:
    try:
        stored: Document | Matrix = _journal(path) if path.suffix == ".partial" else _load(path)
    except (HarnessError, OSError) as error:
        yield f"the results cannot be read: {error}"
        return
    if stored.interrupted != interrupted:
        yield f"{path.name} is marked as interrupted by {stored.interrupted}, not by {interrupted}"
    documents = stored.documents if isinstance(stored, Matrix) else (stored,)
    kept = len({claim.id for document in documents for claim in document.claims})
    if kept < judged:
        yield f"{path.name} has {kept} results, but {judged} claims were judged"


def _journal(path: Path) -> Document | Matrix:
    """A killed run's, once no process has it open: one that it was just starting lasts a moment longer."""
    deadline = Deadline(10.0)
    while True:
        try:
            return journal.read(path)
        except UsageError:
            if deadline.expired:
                raise
            time.sleep(0.05)


def _load(path: Path) -> Document | Matrix:
    try:
        return Document.load(path)
    except UsageError:
        return Matrix.load(path)


class Run:
    """A run that has been started."""

    def __init__(
        self,
        words: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        log: Path,
        document: Path | None,
    ) -> None:
        self.document = document
        given = () if document is None else ("--json", str(document))
        self._log = log
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [*PROGRAM, *words, *given],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def end(self) -> Ended:
        """How it ended; it is killed where it does not in time."""
        try:
            self.process.wait(ENDS_WITHIN)
            late = ""
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            late = f"\nIt had not ended after {ENDS_WITHIN:g} s."
        status = self.process.returncode
        output = self._log.read_text(errors="replace") + late
        self._log.unlink()
        return Ended(128 - status if status < 0 else status, output, self.document)
