"""What runs on a device for this run, and ends with it or with a roll back."""

from __future__ import annotations

import contextlib
import threading
from typing import Protocol


class Closable(Protocol):
    """A process or a program."""

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        ...

    def close(self) -> None:
        """End it; does nothing the second time."""
        ...

    def release(self) -> None:
        """Let go of it where it has ended with the device's last boot: nothing is done on the device."""
        ...


class Running:
    """Processes and programs, held until they are closed: a session may start thousands of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: list[Closable] = []

    def add(self, item: Closable) -> None:
        """Hold one more."""
        with self._lock:
            self._items = [*(each for each in self._items if not each.closed), item]

    def close(self) -> None:
        """Close all, the latest first; what follows one that fails is closed, too."""
        with contextlib.ExitStack() as closing:
            for item in self._taken():
                closing.callback(item.close)

    def release(self) -> None:
        """Release all: the device has started again since."""
        with contextlib.ExitStack() as releasing:
            for item in self._taken():
                releasing.callback(item.release)

    def _taken(self) -> list[Closable]:
        with self._lock:
            items, self._items = self._items, []
        return items
