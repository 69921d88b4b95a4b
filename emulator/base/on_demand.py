"""Does a thing once: when it is first asked for, or a moment later by itself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from emulator.base.errors import HarnessError


class OnDemand:
    """Something that may be late, but is not to be left out: for whoever needs it without knowing of this.

    `action` runs in the thread that asks, or in one of its own. One that has failed is tried again when asked
    for.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._lock = threading.Lock()
        self._begun = False
        self._done = False
        self._timer: threading.Timer | None = None

    @property
    def begun(self) -> bool:
        """Whether it has been done, or has failed and may be half done."""
        return self._begun

    @property
    def done(self) -> bool:
        """Whether it has been done."""
        return self._done

    def ask(self) -> None:
        """Do it, unless it was done; raises what `action` does."""
        if not self._done:
            with self._lock:
                if not self._done:
                    self._begun = True
                    self._action()
                    self._done = True

    def ask_later(self, moment: float) -> None:
        """Have it done by itself after `moment` seconds; a failure is left for who asks then."""
        self._timer = threading.Timer(moment, self._by_itself)
        self._timer.daemon = True
        self._timer.start()

    def _by_itself(self) -> None:
        with contextlib.suppress(HarnessError, OSError):
            self.ask()

    def ask_no_more(self) -> None:
        """Do it no more by itself; waits where it is just being done, whoever asked."""
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        with self._lock:
            pass
