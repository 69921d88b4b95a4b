"""What every way of getting a device hands out: an adb serial, and the means to watch, restart and end it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from emulator.base.deadline import Deadline


class Controller(Protocol):
    """A device that runs, and what only its maker can say about it or do with it."""

    @property
    def target(self) -> str:
        """The target as the user would write it."""
        ...

    @property
    def serial(self) -> str:
        """The device's serial at the adb server, which reaches it when this was asked for."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as can be told without asking it anything."""
        ...

    @property
    def disposable(self) -> bool:
        """Whether this project made it, so that destructive experiments may run on it."""
        ...

    def loss_reason(self) -> str:
        """What is known of its end, with the last lines of its console."""
        ...

    def restart(self, deadline: Deadline) -> None:
        """Reset it and wait until adb reaches it again; raises DeviceLostError when it does not come back."""
        ...

    def close(self) -> None:
        """End what was started for it; closing twice does nothing."""
        ...


@runtime_checkable
class CanReconnect(Protocol):
    """A controller that knows how adb gets to its device, should the adb server have forgotten."""

    def reconnect(self, deadline: Deadline) -> None:
        """Have the adb server, another one perhaps, reach the device again; raises DeviceLostError."""
        ...


@runtime_checkable
class CanRollBack(Protocol):
    """A controller whose device can be put back into the state in which it was handed out."""

    @property
    def rollback_seconds(self) -> float:
        """How long that may take."""
        ...

    def rollback(self, deadline: Deadline) -> None:
        """Do that, under the same serial, which adb reaches if it did before; else raises DeviceLostError."""
        ...


class Channel(Protocol):
    """The input and output of a program that runs on a device.

    One thread receives while others send, one at a time.
    """

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; OSError, or TimeLimitError after 10 s of no progress."""
        ...

    def send_now(self, data: bytes) -> None:
        """Write a few bytes if that can be done without waiting; never fails."""
        ...

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Up to `limit` bytes of its output, awaiting the first; b"" at its end, or after close().

        Raises TimeLimitError where there is nothing by the deadline; without one it waits for ever.
        """
        ...

    def wait_status(self, deadline: Deadline) -> int | None:
        """How it ended, as wait(2) has it, once receive() gave b""; None where nothing tells in time."""
        ...

    @property
    def standard_error(self) -> str:
        """The last of what it wrote there, once it has ended."""
        ...

    def close(self) -> None:
        """Release it, wake whoever receives, and end its input. May be called at any time, and again."""
        ...


@runtime_checkable
class HasChannels(Protocol):
    """A controller that has something faster than adb for agents."""

    def start_agent(self, arguments: Sequence[str]) -> Channel | None:
        """Start a system call agent with these arguments, as root; None where adb must do it."""
        ...


@contextlib.contextmanager
def close_on_failure() -> Iterator[contextlib.ExitStack]:
    """What a device is made of: its own to close after the block, but closed where the block fails."""
    with contextlib.ExitStack() as on_failure:
        resources = on_failure.enter_context(contextlib.ExitStack())
        yield resources
        on_failure.pop_all()
