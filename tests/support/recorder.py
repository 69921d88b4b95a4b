"""A view that records the events of a matrix."""

from __future__ import annotations

from harness.report.events import Ended, Event, Judged, Line, Started
from harness.report.matrix import Column


class Recorder:
    """A view that records the events."""

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
