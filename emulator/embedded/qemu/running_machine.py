"""A running QEMU, here or on another machine: what both have in common."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Callable
from typing import Self

from emulator.base.command import missing_program
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, TimeLimitError
from emulator.cache.run_directory import keep_log
from emulator.embedded.qemu.monitor import Monitor
from emulator.embedded.qemu.virtio_serial import VirtioPorts
from emulator.host.host import SupervisedProgram

ENDS_WITHIN = 1.0
"""Seconds after the first sign of QEMU's end in which it has ended, and the last of its console arrives."""
READY = "binder-harness: device ready"


class RunningMachine:
    """A running QEMU with one forwarded port; use as a context manager or call `close`."""

    adb_port: int
    """The port of 127.0.0.1 that is forwarded to the device's adbd."""

    def __init__(self, program: SupervisedProgram, ports: VirtioPorts) -> None:
        self._program = program
        self._monitor: Monitor | None = None
        self._resources = contextlib.ExitStack()
        """Closed after QEMU has ended."""
        self.console = program.console
        self.ports = ports

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attach(self, connect: Callable[[], socket.socket], adbd_port: int) -> int:
        """Connect to the monitor; returns the port that QEMU forwards to the device's adbd.

        Raises SetupError, with QEMU's standard error, where it did not start. After any error QEMU has ended.
        """
        try:
            with contextlib.ExitStack() as on_failure:
                on_failure.callback(self.close)
                self._monitor = Monitor(connect())
                port = self._forwarded_port(adbd_port)
                on_failure.pop_all()
            return port
        except (SetupError, OSError) as error:
            stderr = self._program.stderr_tail
            if "failed to execute" in stderr:
                raise missing_program(self._program.name) from error
            raise SetupError(f"QEMU did not start: {stderr or f'it printed no reason. {error}'}") from error

    def _forwarded_port(self, adbd_port: int) -> int:
        # QEMU itself binds a free port, so that no other program can take it in between.
        table = self.monitor.execute("human-monitor-command", command_line="info usernet")
        row = rf"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+{adbd_port}\b"
        found = re.search(row, str(table))
        if not found:
            raise SetupError(f"QEMU does not show which port it forwards to the device:\n{table}")
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
        """Why the machine was lost, with the last lines of its console."""
        if not self.console.panic:  # its connections may have ended just before QEMU itself
            self._program.wait(Deadline(ENDS_WITHIN))
        if self.console.panic:
            reason = "the device's kernel panicked"
        elif not self._program.alive:
            stderr = self._program.stderr_tail
            reason = f"QEMU ended{': ' + stderr if stderr else ''}"
        else:
            reason = "the device does not respond"
        log = keep_log(self.console.log)
        return f"{reason}. Its last console lines (the whole log is {log}):\n{self.console.tail()}"

    def wait_until_ready(self, deadline: Deadline) -> None:
        """Wait for the console line that reports that adbd listens.

        Raises DeviceLostError where the machine has ended, or the line does not appear in time.
        """
        try:
            ready = self.console.wait_for(READY, deadline=deadline)
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}: {self.loss_reason()}") from error
        if ready is None or not self.alive:
            raise DeviceLostError(self.loss_reason())

    def close(self) -> None:
        """End QEMU and wait for its end; closing twice does nothing."""
        self._program.close()
        self.ports.close()
        if self._monitor is not None:
            self._monitor.close()
        self._resources.close()
