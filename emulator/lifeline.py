"""What every way of getting a device hands out: an adb serial, and the means to watch, restart and end it."""

from __future__ import annotations

from typing import Protocol

from emulator.deadline import Deadline


class LifeLine(Protocol):
    """A device that runs, and what only its maker can say about it or do with it."""

    @property
    def target(self) -> str:
        """The target as the user would write it."""
        ...

    @property
    def serial(self) -> str:
        """The device's serial at the adb server."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as can be told without asking it anything."""
        ...

    @property
    def disposable(self) -> bool:
        """Whether this project made it, so that destructive experiments may run on it."""
        ...

    def why_lost(self) -> str:
        """What is known of its end, with the last lines of its console."""
        ...

    def restart(self, deadline: Deadline) -> None:
        """Reset it and wait until adb reaches it again; raises DeviceLostError when it does not come back."""
        ...

    def close(self) -> None:
        """End what was started for it; closing twice does nothing."""
        ...
