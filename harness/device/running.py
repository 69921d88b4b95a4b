"""Processes on a device, with what it shows of them; they end with the run, or with a roll back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.process import RemoteProcess
from harness.device.command import ShellError
from harness.kernel.binder_debug.debug_files import BinderDebugFiles
from harness.kernel.files import LiveFiles
from harness.kernel.proc.maps import DetailedMapping, Maps
from harness.kernel.proc.process import ProcessFiles

SIGNAL_SECONDS = 5.0
"""How long an agent may take to send a signal: it may be busy, or stopped."""


class Records(Protocol):
    """A device, by what it shows."""

    @property
    def files(self) -> LiveFiles:
        """Its files, with the rights of adb's shell."""
        ...

    @property
    def binder(self) -> BinderDebugFiles:
        """The driver's debug files."""
        ...


class DeviceProcess(RemoteProcess):
    """A process on a device, with what the device's /proc shows of it."""

    device: Records

    def known_handles(self, context: str) -> frozenset[int] | None:
        """The handles that it has in a context, from the driver's debug files; None without those."""
        try:
            records = self.device.binder.process(self.pid).in_context(context)
        except (HarnessError, OSError):
            return None
        return frozenset(each.handle for each in records.references) if records.blocks else None

    @property
    def procfs(self) -> ProcessFiles:
        """Its directory in /proc, read with the rights of adb's shell."""
        return ProcessFiles(self.device.files, self.pid)

    @property
    def maps(self) -> Maps[DetailedMapping]:
        """Its mappings, from /proc/PID/smaps."""
        return self.procfs.maps


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


def send_signal(
    pid: int,
    signal: int,
    *,
    agent: RemoteProcess | None,
    shell: Callable[[Sequence[str]], object],
    seconds: float = SIGNAL_SECONDS,
) -> None:
    """Send a signal to a process by an agent, not to itself, or else by a shell, which takes far longer.

    Raises what the shell does. Where the agent does not reply, it may have sent the signal, and may send it
    yet: then it is no error that there is no such process for the shell.
    """
    command = ["kill", f"-{signal}", str(pid)]
    if agent is not None and agent.pid != pid:
        try:
            agent.syscall("kill", pid, signal, deadline=Deadline(seconds))
        except HarnessError:
            with contextlib.suppress(ShellError):
                shell(command)
            return
        except OSError:
            pass
        else:
            return
    shell(command)
