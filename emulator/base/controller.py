"""The controller of a device: its adb serial, and the means to watch, restart and end it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from emulator.base.deadline import Deadline


class Controller(Protocol):
    """A running device, and what only the code that made it knows about it or can do with it."""

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
        """Whether it runs, as far as that shows without asking the device."""
        ...

    @property
    def disposable(self) -> bool:
        """Whether this project made it, so that destructive experiments may run on it."""
        ...

    def loss_reason(self) -> str:
        """Why it ended, as far as that is known, with the last lines of its console."""
        ...

    def restart(self, deadline: Deadline) -> None:
        """Reset it and wait until adb reaches it again; raises DeviceLostError when it does not come back."""
        ...

    def close(self) -> None:
        """End what was started for it; closing twice does nothing."""
        ...


@runtime_checkable
class CanReconnect(Protocol):
    """A controller that can make adb reach its device again, where the adb server has lost it."""

    def reconnect(self, deadline: Deadline) -> None:
        """Make the adb server, which may be a new one, reach the device again; else raise DeviceLostError."""
        ...


@runtime_checkable
class CanRollBack(Protocol):
    """A controller whose device can be rolled back to the state in which it was opened."""

    @property
    def rollback_seconds(self) -> float:
        """How long that may take."""
        ...

    def rollback(self, deadline: Deadline) -> None:
        """Roll it back, under the same serial, which adb reaches if it did; or raise DeviceLostError."""
        ...


@runtime_checkable
class HasSavedState(Protocol):
    """A controller whose device may be in the very state that was saved of another."""

    @property
    def untouched_state(self) -> str | None:
        """A fingerprint of all that the state depends on.

        None for a device that has booted, and as soon as anything may have been done on it.
        """
        ...


class AgentStream(Protocol):
    """The input and output of an agent that runs on a device.

    One thread receives while others send, one at a time.
    """

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; OSError, or TimeLimitError after 10 s of no progress."""
        ...

    def send_now(self, data: bytes) -> None:
        """Write a few bytes if that is possible without waiting; never fails."""
        ...

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Up to `limit` bytes of its output, awaiting the first; b"" at its end, or after close().

        Raises TimeLimitError where there is nothing by the deadline; without one it waits for ever.
        """
        ...

    def wait_status(self, deadline: Deadline) -> int | None:
        """How it ended, as wait(2) has it, once receive() gave b""; None where no status arrives in time."""
        ...

    @property
    def standard_error(self) -> str:
        """The end of its standard error, once it has ended."""
        ...

    def close(self) -> None:
        """Release it, wake whoever receives, and end its input. May be called at any time, and again."""
        ...


class CommandStream(Protocol):
    """The input and output of a command that runs on a machine.

    One thread receives while others send, one at a time.
    """

    def send(self, data: bytes) -> None:
        """Write all of `data` to its input; OSError, or TimeLimitError after 10 s of no progress."""
        ...

    def close_input(self) -> None:
        """End its input; never blocks, and never fails."""
        ...

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        """Up to `limit` bytes of its output, awaiting the first; b"" at its end, or after close().

        Raises TimeLimitError where there is nothing by the deadline; without one it waits for ever.
        """
        ...

    @property
    def ended(self) -> bool:
        """Whether it has ended, or the connection to it."""
        ...

    def status(self, deadline: Deadline) -> int | None:
        """Its exit status, 128 + n for signal n; None where that does not arrive in time."""
        ...

    @property
    def standard_error(self) -> str:
        """The last 4096 bytes of its standard error so far."""
        ...

    def close(self) -> None:
        """End its input, wake whoever receives, and end it where that is possible. May be called again."""
        ...


@runtime_checkable
class CanRunCommands(Protocol):
    """A controller of a machine whose own processes are used: there is no adb in between."""

    @property
    def directory(self) -> str:
        """The run's own directory there, which goes with the run."""
        ...

    @property
    def binder_devices(self) -> tuple[str, ...]:
        """The paths of its binder devices, in the order in which an experiment may take them."""
        ...

    @property
    def how_to_root(self) -> str:
        """How a run gets root there."""
        ...

    def start_command(self, line: str) -> CommandStream:
        """Start a line of a shell as the run's user, or as root; HarnessError where that fails."""
        ...


@runtime_checkable
class CanStartAgents(Protocol):
    """A controller with a faster way to agents than adb."""

    def start_agent(self, arguments: Sequence[str], *, fresh: bool = False) -> AgentStream | None:
        """Start a system call agent with these arguments, as root; None where it has to go through adb.

        A `fresh` one is started now, though others may wait that were started before.
        """
        ...


@contextlib.contextmanager
def close_on_failure() -> Iterator[contextlib.ExitStack]:
    """A stack for the parts of a device: the device closes it later, but a failure of the block at once."""
    with contextlib.ExitStack() as on_failure:
        resources = on_failure.enter_context(contextlib.ExitStack())
        yield resources
        on_failure.pop_all()
