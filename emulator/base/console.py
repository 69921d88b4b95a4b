"""Keeps the console output of a program or a device line by line, and notices a kernel panic in it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from emulator.base.deadline import Deadline
from emulator.base.errors import reason_of
from emulator.base.lines import LineSplitter

KEPT_LINES = 2000
KEPT_CHARACTERS = 2000
"""Of each of these lines, in memory."""
LARGEST_LOG = 64 * 1024 * 1024
"""Bytes of the file: of more output it has the last 32 to 64 MiB."""
PANIC = "Kernel panic - not syncing"
END_OF_PANIC = "---[ end Kernel panic"

logger = logging.getLogger(__name__)


class Console:
    """The lines of a console: in a file, as they arrive, and the last ones in memory.

    A file that exists already gives the first lines.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._seen = 0
        self._changed = threading.Condition()
        self._splitter = LineSplitter()
        self.ended = False
        self.panic: str | None = None
        """The line with which a kernel panic begins."""
        self._panic_is_whole = False
        if log.exists():
            self._add(self._splitter.feed(log.read_bytes()))
            self._add(self._splitter.finish())

    def read_from(self, chunks: Iterable[bytes]) -> None:
        """Take in output until it ends, or until a kernel panic has been printed whole.

        What cannot be written to the file, as on a full disk, is missing there alone.
        """
        with _log(self.log) as log:
            for chunk in chunks:
                with contextlib.suppress(OSError):
                    log.write(chunk)
                    if log.tell() > LARGEST_LOG:
                        _drop_first_half(log)
                self._add(self._splitter.feed(chunk))
                if self._panic_is_whole:
                    break
            else:
                self._add(self._splitter.finish())
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _add(self, lines: Iterable[str]) -> None:
        with self._changed:
            for line in map(str.rstrip, lines):
                if self._panic_is_whole:
                    break
                self._lines.append(line[:KEPT_CHARACTERS])
                self._seen += 1
                if self.panic is None and PANIC in line:
                    self.panic = line[line.index(PANIC) :]
                self._panic_is_whole = END_OF_PANIC in line
            self._changed.notify_all()

    def tail(self, lines: int = 20) -> str:
        """The last lines."""
        with self._changed:
            return "\n".join(list(self._lines)[-lines:])

    @property
    def position(self) -> int:
        """The number of lines so far; a place to wait from."""
        return self._seen

    def wait_for(self, text: str, *, since: int = 0, deadline: Deadline) -> str | None:
        """The first line with `text` after position `since`; None where the console ends before that.

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


def _log(path: Path) -> IO[bytes]:
    """The file to append to; nowhere, where it cannot be opened."""
    try:
        return path.open("a+b", buffering=0)
    except OSError as error:
        logger.warning("%s cannot be written: %s", path, reason_of(error))
        return Path(os.devnull).open("wb", buffering=0)


def _drop_first_half(log: IO[bytes]) -> None:
    """Keep the second half of a log that is open for appending."""
    last = os.pread(log.fileno(), LARGEST_LOG // 2, log.tell() - LARGEST_LOG // 2)
    log.truncate(0)
    log.write(b"[Binder harness dropped what came before]\n" + last)
