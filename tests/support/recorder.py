"""Keeps the events of a matrix, and sees which processes are below another and whether they ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.report.events import Ended, Event, Judged, Line, Started
from harness.report.matrix import Column


class Recorder:
    """A view that keeps the events."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, str]] = []
        self.lines: list[tuple[str, str]] = []
        self.judged: list[tuple[str, str]] = []
        self.columns: list[Column] = []

    def __call__(self, event: Event) -> None:
        match event:
            case Started(target=target, where=where):
                self.starts.append((target, where))
            case Line(target=target, text=text):
                self.lines.append((target, text))
            case Judged(target=target, result=result):
                self.judged.append((target, result.id))
            case Ended(column=column):
                self.columns.append(column)


def below(process_id: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for word in (task / "children").read_text().split():
            yield int(word)
            yield from below(int(word))


def gone(process_id: int) -> bool:
    """Whether it has ended; one that its new parent has not collected yet counts as ended."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
