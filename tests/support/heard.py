"""Hears what is told of a matrix, and sees what processes are below another and whether they ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.report.matrix import Column
from harness.report.run import Note


class Heard:
    """Keeps what it hears."""

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
