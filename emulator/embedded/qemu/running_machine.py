"""A QEMU that runs, here or on another machine: what a device needs of it is the same."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from emulator.base.command import missing_program
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, TimeLimitError
from emulator.cache.run_directory import keep_log
from emulator.embedded.qemu.channel import Ports
from emulator.embedded.qemu.monitor import Monitor
from emulator.host.host import SupervisedProgram

READY = "binder-harness: device ready"


class RunningMachine:
    """A running QEMU with one forwarded port; use as a context manager or call `close`."""

    adb_port: int
    """The port of 127.0.0.1 that leads to the device's adbd."""

    def __init__(self, program: SupervisedProgram, ports: Ports) -> None:
        self._program = program
        self._monitor: Monitor | None = None
        self._resources = contextlib.ExitStack()
        """What ends after QEMU has."""
        self.console = program.console
        self.ports = ports

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attach(self, connect: Callable[[], socket.socket], adbd_port: int) -> int:
        """Speak to its monitor, and ask where it forwards the device's port from.

        Raises SetupError, with what QEMU said, where it did not start. Whatever is raised, QEMU has ended.
        """
        try:
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(self.close)
                self._monitor = Monitor(connect())
                port = self._forwarded_port(adbd_port)
                on_failure.pop_all()
            return port
        except (SetupError, OSError) as error:
            errors = self._program.stderr_tail
            if "failed to execute" in errors:
                raise missing_program(self._program.name) from error
            raise SetupError(f"QEMU did not start: {errors or 'it gave no reason'}") from error

    def _forwarded_port(self, adbd_port: int) -> int:
        # QEMU binds the port itself, asked for any free one, so that no other program can take it between.
        table = self.monitor.execute("human-monitor-command", command_line="info usernet")
        row = rf"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+{adbd_port}\b"
        found = re.search(row, str(table))
        if not found:
            raise SetupError(f"QEMU does not show the port it forwards:\n{table}")
        return int(found[1])

    @property
    def monitor(self) -> Monitor:
        """QEMU's monitor."""
        assert self._monitor is not None
        return self._monitor

    @property
    def alive(self) -> bool:
        """Whether QEMU runs and its kernel has not panicked."""
        return self.console.panic is None and self._program.alive

    def loss_reason(self) -> str:
        """What ended the machine, with the last lines of its console."""
        if self.console.panic:
            reason = "the device's kernel panicked"
        elif not self._program.alive:
            errors = self._program.stderr_tail
            reason = f"QEMU ended{': ' + errors if errors else ''}"
        else:
            reason = "the device is silent"
        kept = keep_log(self.console.log)
        return f"{reason}. Its last console lines (all of them: {kept}):\n{self.console.tail()}"

    def wait_until_ready(self, deadline: Deadline) -> None:
        """Wait for the console line with which the device says that adbd listens.

        Raises DeviceLostError when the machine ends before, or says nothing to that effect in time.
        """
        try:
            ready = self.console.wait_for(READY, deadline=deadline)
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}: {self.loss_reason()}") from error
        if ready is None:
            raise DeviceLostError(self.loss_reason())

    def close(self) -> None:
        """End QEMU and wait for that; closing twice does nothing."""
        self._program.close()
        self.ports.close()
        if self._monitor is not None:
            self._monitor.close()
        self._resources.close()
