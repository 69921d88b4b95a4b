"""Keeps what a program or a device writes, line by line, and notices the lines that matter as they come."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from emulator.base.deadline import Deadline

KEPT_LINES = 2000
PANIC = "Kernel panic - not syncing"
END_OF_PANIC = "---[ end Kernel panic"


class Console:
    """The lines of a console, written to a file as they arrive and the last of them kept at hand.

    Those that the file has already are taken for the first.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._seen = 0
        self._changed = threading.Condition()
        self.ended = False
        self.panic: str | None = None
        if log.exists():
            for raw in log.read_bytes().splitlines():
                self._add(raw.decode(errors="replace").rstrip())

    def read_from(self, stream: Iterable[bytes]) -> None:
        """Take in lines until the stream ends or a kernel panic has been printed whole."""
        with self.log.open("ab", buffering=0) as log:
            for raw in stream:
                log.write(raw)
                line = raw.decode(errors="replace").rstrip()
                self._add(line)
                if END_OF_PANIC in line:
                    break
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _add(self, line: str) -> None:
        with self._changed:
            self._lines.append(line)
            self._seen += 1
            if self.panic is None and PANIC in line:
                self.panic = line[line.index(PANIC) :]
            self._changed.notify_all()

    def tail(self, lines: int = 20) -> str:
        """The last lines."""
        with self._changed:
            return "\n".join(list(self._lines)[-lines:])

    @property
    def position(self) -> int:
        """How many lines have come so far; a place to wait from."""
        return self._seen

    def wait_for(self, text: str, *, since: int = 0, deadline: Deadline) -> str | None:
        """The first line holding `text` after position `since`; None when the console ended before.

        Raises TimeLimitError at the deadline.
        """
        with self._changed:
            while True:
                first_kept = self._seen - len(self._lines)
                for line in list(self._lines)[max(0, since - first_kept) :]:
                    if text in line:
                        return line
                since = self._seen
                if self.ended:
                    return None
                deadline.check(f"“{text}” on the console")
                self._changed.wait(deadline.remaining())
