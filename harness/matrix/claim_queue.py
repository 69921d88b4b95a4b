"""Which claim is judged next, where several are judged at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable

CLAIMS_WORTH_A_CLONE = 8
"""Starting a process with a device takes about as long as judging so many claims."""


class ClaimQueue:
    """Claims by id, in their order, for several threads; those that have to be alone come last."""

    def __init__(self, claims: Iterable[str], alone: Callable[[str], bool]) -> None:
        claims = list(claims)
        self._changed = threading.Condition()
        self._waiting = deque(claim for claim in claims if not alone(claim))
        self._alone = deque(filter(alone, claims))
        self._taken: set[str] = set()
        self._cleared = False

    @property
    def waiting(self) -> int:
        """How many claims can be taken now."""
        return len(self._waiting)

    def take(self) -> str | None:
        """The next claim to judge; None when none is left.

        This waits while others judge and there is none to take: theirs may be put back, and one that has to
        be alone comes after them.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._taken or self._cleared)
            queue = self._waiting or self._alone
            if not queue:
                return None
            self._taken.add(queue[0])
            return queue.popleft()

    def done(self, claim: str) -> None:
        """A claim that was taken is judged."""
        with self._changed:
            self._taken.remove(claim)
            self._changed.notify_all()

    def put_back(self, claim: str) -> None:
        """A claim that was taken has to be judged by another thread."""
        with self._changed:
            self._taken.remove(claim)
            if not self._cleared:
                self._waiting.appendleft(claim)
            self._changed.notify_all()

    def clear(self) -> None:
        """Leave no claim to take."""
        with self._changed:
            self._waiting.clear()
            self._alone.clear()
            self._cleared = True
            self._changed.notify_all()
