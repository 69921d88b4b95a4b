"""Waits for Android to have started, and tells apart why it has not: ended, lost by adb, slow."""

from __future__ import annotations

from collections.abc import Callable

from emulator.adb.devices import GONE, REACHED, connect, explain, is_address, state_of
from emulator.adb.services import output
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, TimeLimitError
from emulator.base.progress import say

LOOK_EVERY = 0.5
TOO_OFTEN = 3
"""Times that adb may lose a device while it starts, as it does once when adbd restarts."""


class AndroidStart:
    """The start of Android on one device, watched over adb."""

    def __init__(self, serial: str, alive: Callable[[], bool], loss_reason: Callable[[], str]) -> None:
        self._serial, self._alive, self._loss_reason = serial, alive, loss_reason
        self._stage = ""
        self._reached = False
        self._losses = 0

    def wait(self, deadline: Deadline) -> None:
        """Wait for adb, then sys.boot_completed, then an answer of the package manager.

        Raises DeviceLostError, saying how far it came, when the device ends or is not through in time.
        """
        try:
            deadline.poll(self._through, f"the start of Android on {self._serial}", interval=LOOK_EVERY)
        except TimeLimitError as error:
            lost = ""
            if self._losses >= TOO_OFTEN:
                lost = (
                    f" adb reached the device and lost it {self._losses} times: its adbd restarts without "
                    "end, or another adb server is connected to it."
                )
            raise DeviceLostError(f"{error}: {self._stage}.{lost} {self._loss_reason()}") from error

    def _through(self) -> bool:
        if not self._alive():
            raise DeviceLostError(self._loss_reason())
        stage = self._next_stage()
        if stage != self._stage:
            self._stage = stage
            if stage:
                say(f"{self._serial}: {stage}")
        return not stage

    def _next_stage(self) -> str:
        """What is awaited; nothing when all is there."""
        state = state_of(self._serial)
        if state == GONE and is_address(self._serial):
            connect(self._serial)
        self._losses += self._reached and state != REACHED
        self._reached = state == REACHED
        if not self._reached:
            return explain(self._serial, state).removesuffix(".")
        if output(self._serial, "getprop sys.boot_completed") != "1":
            return "waiting for Android to set sys.boot_completed"
        if not output(self._serial, "pm path android").startswith("package:"):
            return "waiting for Android's package manager to answer"
        return ""
