"""One point in time by which a whole chain of waits must end, passed down instead of timeouts."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from emulator.base.errors import TimeLimitError

Answer = TypeVar("Answer")


class Deadline:
    """A fixed point on the monotonic clock.

    One object, passed down a chain of calls, keeps the sum of their waits within one limit; a timeout for
    each call does not.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def __repr__(self) -> str:
        return f"<Deadline {self.remaining():.1f} of {self.seconds:g} s left>"

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.remaining() == 0.0

    def within(self, seconds: float) -> Deadline:
        """The sooner of this deadline and one that is `seconds` away."""
        return Deadline(min(seconds, self.remaining()))

    def check(self, awaited: str) -> None:
        """Raise TimeLimitError, naming what was awaited, when no time is left."""
        if self.expired:
            raise self.missed(awaited)

    def missed(self, awaited: object, hint: str = "") -> TimeLimitError:
        """The error of a wait that has reached the deadline; `hint` is a sentence on what to look at."""
        return TimeLimitError(f"{awaited}: not within {self.seconds:g} s{hint and f'. {hint}'}")

    def poll(self, condition: Callable[[], Answer | None], awaited: str, *, interval: float = 0.02) -> Answer:
        """Call `condition` every `interval` seconds until it returns something true, and return that.

        Raises TimeLimitError, naming `awaited`, at the deadline; calls the condition at least once.
        """
        while True:
            answer = condition()
            if answer:
                return answer
            self.check(awaited)
            time.sleep(min(interval, self.remaining()))

    def await_input(self, source: socket.socket, awaited: str) -> None:
        """Wait until `source` has input, or has ended; TimeLimitError, naming `awaited`, at the deadline."""
        poll = select.poll()
        with contextlib.suppress(ValueError):  # closed in the meantime, which is an end, too
            poll.register(source, select.POLLIN)
            if not poll.poll(math.ceil(self.remaining() * 1000)):
                raise self.missed(awaited)
