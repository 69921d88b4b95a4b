"""A listener that keeps every event of a matrix."""

from __future__ import annotations

from harness.report.matrix import Column
from harness.report.run import Note


class RecordingListener:
    """Keeps every event."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, str]] = []
        self.lines: list[tuple[str, str]] = []
        self.judged: list[tuple[str, str]] = []
        self.columns: list[Column] = []

    def started(self, target: str, where: str) -> None:
        self.starts.append((target, where))

    def said(self, target: str, line: str) -> None:
        self.lines.append((target, line))

    def heard(self, target: str, note: Note) -> None:
        if note.result is not None:
            self.judged.append((target, note.result.id))

    def ended(self, column: Column) -> None:
        self.columns.append(column)
