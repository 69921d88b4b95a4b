"""Runs an action once: when it is first needed, or a moment later in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)


class OnDemand:
    """An action that may be late but must not be left out, since others rely on its effect.

    It runs in the thread that needs it, or in one of its own. One that has failed is tried again when needed.
    """

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._lock = threading.Lock()
        self._begun = False
        self._done = False
        self._timer: threading.Timer | None = None

    @property
    def begun(self) -> bool:
        """Whether it has run, or has failed and may be half done."""
        return self._begun

    @property
    def done(self) -> bool:
        """Whether it has succeeded."""
        return self._done

    def ensure(self) -> None:
        """Run it, unless it has succeeded; raises what the action does."""
        if not self._done:
            with self._lock:
                if not self._done:
                    self._begun = True
                    self._action()
                    self._done = True

    def schedule(self, moment: float) -> None:
        """Run it in the background after `moment` seconds; where it fails, `ensure` tries again."""
        self._timer = threading.Timer(moment, self._in_background)
        self._timer.daemon = True
        self._timer.start()

    def _in_background(self) -> None:
        try:
            self.ensure()
        except Exception:  # any: such as of a module whose import was interrupted in the main thread
            logger.debug("an action in the background failed", exc_info=True)

    def forget(self) -> bool:
        """Cancel a scheduled run, wait for one under way, and be as if none had been; whether one had begun.

        This is for when what the action did is gone.
        """
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        with self._lock:
            begun = self._begun
            self._begun = self._done = False
        return begun
