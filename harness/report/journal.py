"""Keeps the results of a run while it goes on, in case it is killed: its events, beside its document.

The journal of FILE is FILE.partial: a line about the run, then the line of each event, as it happens. It is
removed once FILE is written. Where a killed run left one, `judge` and `diff` read it like a document, and the
next run with the same FILE first writes the document. It survives the process, not a failure of power.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from emulator.base.errors import HarnessError, SetupError, UsageError, reason_of
from emulator.base.lock_file import is_at, take
from emulator.base.progress import report
from harness.experiments.core.json_values import from_json, parsed, to_json
from harness.report.document import Document
from harness.report.events import Ended, Event, Line, Started, decode, encode
from harness.report.matrix import Column, Matrix
from harness.report.run import Run
from harness.report.stored import check_writable, harness_version

SCHEMA = "binder-harness/journal"
SCHEMA_VERSION = 1
A_SUDDEN_END = "SIGKILL or a crash"
"""What interrupted a run that could not write its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a run is asked to do: the first line of its journal."""

    schema: str = SCHEMA
    schema_version: int = SCHEMA_VERSION
    harness: str = dataclasses.field(default_factory=harness_version)
    started: str
    """In UTC, ISO 8601."""
    targets: tuple[str, ...]
    claims: tuple[str, ...]
    """The requested claims, by id; empty where they are unknown beforehand."""
    matrix: bool = False
    """Whether its document is a matrix."""


class Journal:
    """The journal of a running run: a view of its events, from any thread. It fails no run."""

    def __init__(self, document: Path, heading: Heading) -> None:
        self.path = journal_of(document)
        self._lock = threading.Lock()
        self._whole = True
        self._empty = True
        """Whether it has no event."""
        try:
            self._file = self.path.open("x", encoding="utf-8")
        except OSError as error:
            self._give_up(error)
            return
        take(self._file)
        self._write(json.dumps(to_json(heading)))

    def __call__(self, event: Event) -> None:
        """Keep an event; lines of progress are not kept."""
        if not isinstance(event, Line):
            self._empty = False
            self._write(encode(event))

    def replace_by(self, write: Callable[[], None]) -> None:
        """Write the document, and remove the journal.

        Where the document cannot be written, the journal stays, and a SetupError adds its name to the reason.
        """
        try:
            write()
        except HarnessError as error:
            if not self._whole:
                raise
            raise SetupError(
                f"{error}\nThe results are also in {self.path}: binder-harness judge {self.path} --json FILE"
            ) from error
        self.discard()

    def discard(self) -> None:
        """Remove the journal, unless it is no longer this run's."""
        with self._lock:
            if self._whole:
                self._whole = False
                with self._file:
                    if is_at(self.path, self._file):
                        self.path.unlink()

    @contextlib.contextmanager
    def kept_if_used(self) -> Iterator[None]:
        """After an error or an interruption in the block, remove the journal where it has no event."""
        try:
            yield
        except BaseException:
            if self._empty:
                self.discard()
            raise

    def _write(self, line: str) -> None:
        with self._lock:
            if not self._whole:
                return
            try:
                self._file.write(f"{line}\n")
                self._file.flush()
            except OSError as error:
                self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._whole = False
        report(f"{self.path} cannot be written: {reason_of(error)}. Results are kept only when the run ends.")


def journal_of(document: Path) -> Path:
    """The journal of the run that writes a document."""
    return document.with_name(f"{document.name}.partial")


def prepare(document: Path) -> None:
    """Before a run: write the document of an earlier one that was killed, if its journal is there.

    Raises UsageError where the document cannot be written, or another run is writing it.
    """
    journal = journal_of(document)
    check_writable(document)
    check_writable(journal)
    if not journal.exists():
        return
    try:
        if journal.stat().st_size and not _is_older(journal, document):
            read(journal).write(document)
            report(f"{document} has what an earlier run judged until it was killed; this run replaces it")
        journal.unlink()
    except OSError as error:
        raise UsageError(f"{journal} cannot be removed: {reason_of(error)}") from error


def is_journal(path: Path) -> bool:
    """Whether a file is the journal of a run."""
    if not path.is_file():  # what a pipe holds can be read only once
        return False
    try:
        with path.open(encoding="utf-8") as file:
            return SCHEMA in file.readline(2 * len(SCHEMA))
    except (OSError, ValueError):
        return False


def read(path: Path) -> Document | Matrix:
    """The document of a run that was killed, marked interrupted.

    Raises UsageError where the run still goes on, or the file is no journal of this release.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if not take(file, shared=True):
                raise UsageError(f"The run that keeps its results in {path} goes on. Wait for its end.")
            heading = from_json(Heading, parsed(file.readline()), where="its first line")
            if (heading.schema, heading.schema_version) != (SCHEMA, SCHEMA_VERSION):
                raise ValueError(f"this release reads only version {SCHEMA_VERSION} of {SCHEMA}")
            ended = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            document = _document(heading, list(_events(file)), ended)
            document.check("the document")
            return document
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from error
    except ValueError as error:
        raise UsageError(
            f"{path} is not the journal of a run: {error}. Rename or remove it, or give another name."
        ) from error


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """The events up to a line that was cut short."""
    for line in lines:
        try:
            yield decode(line)
        except ValueError:
            return


def _document(heading: Heading, events: list[Event], ended: datetime) -> Document | Matrix:
    runs = {target: _run(heading, target) for target in heading.targets}
    columns: dict[str, Column] = {}
    if not runs:
        raise ValueError("it names no device")
    for event in events:
        if event.target not in runs:
            raise ValueError(f"{event.target!r} is none of its devices")
        if isinstance(event, Started):  # once more after the death of a worker
            runs[event.target] = _run(heading, event.target)
        elif isinstance(event, Ended):
            columns[event.target] = event.column
        else:
            runs[event.target](event)
    for target, run in runs.items():
        columns.setdefault(target, _cut_short(run.column(), heading, ended))
    if not heading.matrix:
        return columns[heading.targets[0]].document
    return Matrix(
        harness=heading.harness,
        interrupted=A_SUDDEN_END,
        columns=tuple(columns[target] for target in heading.targets),
    )


def _run(heading: Heading, target: str) -> Run:
    return Run(target, datetime.fromisoformat(heading.started), heading.claims)


def _cut_short(column: Column, heading: Heading, ended: datetime) -> Column:
    document = dataclasses.replace(
        column.document,
        harness=heading.harness,
        interrupted=A_SUDDEN_END,
        ended=ended.isoformat(timespec="seconds"),
    )
    return dataclasses.replace(column, document=document)


def _is_older(journal: Path, document: Path) -> bool:
    """Whether the document was written after the journal's last event: its run was killed only then."""
    return document.exists() and document.stat().st_mtime_ns >= journal.stat().st_mtime_ns
