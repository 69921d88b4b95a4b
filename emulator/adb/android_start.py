"""Waits until Android has started, and distinguishes why it has not: ended, lost by adb, or slow."""

from __future__ import annotations

from collections.abc import Callable

from emulator.adb.client import REACHED, AdbClient
from emulator.adb.states import explain
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, TimeLimitError
from emulator.base.progress import report

POLL_SECONDS = 0.5
MANY_LOSSES = 3
"""Adb may lose a device that starts, as it does once when adbd restarts; so often points to a cause."""


class AndroidStart:
    """The start of Android on one device, watched over adb."""

    def __init__(
        self, adb: AdbClient, serial: str, alive: Callable[[], bool], loss_reason: Callable[[], str]
    ) -> None:
        self._adb, self._serial = adb, serial
        self._alive, self._loss_reason = alive, loss_reason
        self._stage = ""
        self._reached = False
        self._losses = 0

    def wait(self, deadline: Deadline) -> None:
        """Wait for adb, then sys.boot_completed, then an answer of the package manager.

        Raises DeviceLostError, with the stage it reached, when the device ends or does not start in time.
        """
        try:
            deadline.poll(self._started, f"the start of Android on {self._serial}", interval=POLL_SECONDS)
        except TimeLimitError as error:
            lost = ""
            if self._losses >= MANY_LOSSES:
                lost = (
                    f" adb reached the device and lost it {self._losses} times: its adbd keeps restarting, "
                    "or another adb server is connected to it."
                )
            raise DeviceLostError(f"{error}: {self._stage}.{lost} {self._loss_reason()}") from error

    def _started(self) -> bool:
        if not self._alive():
            raise DeviceLostError(self._loss_reason())
        stage = self._next_stage()
        if stage != self._stage:
            self._stage = stage
            if stage:
                report(f"{self._serial}: {stage}")
        return not stage

    def _next_stage(self) -> str:
        """What the start waits for; empty when it is over."""
        state = self._adb.reach(self._serial)
        self._losses += self._reached and state != REACHED
        self._reached = state == REACHED
        if not self._reached:
            return explain(self._serial, state).removesuffix(".")
        if self._adb.output(self._serial, "getprop sys.boot_completed") != "1":
            return "waiting for Android to set sys.boot_completed"
        if not self._adb.output(self._serial, "pm path android").startswith("package:"):
            return "waiting for Android's package manager to answer"
        return ""
