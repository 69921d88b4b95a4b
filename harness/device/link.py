"""How a device is reached: the protocol of a link, and what is particular about where programs run there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emulator.base.controller import Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, TimeLimitError
from harness.agent.stream import ProcessStream
from harness.device.private_node import NodePlace

ENDS_WITHIN = 2.0
"""Seconds that a device has to end after the first of its connections has."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is particular about where a device's programs run."""

    directory: str
    """For the programs that are put there; removed at the end, unless the device ends with the run."""
    binder_devices: tuple[str, ...]
    """Paths where binder devices may be, in the order in which an experiment may take them."""
    node_place: NodePlace
    """Where a binder device of the run's own can be made."""
    is_android: bool
    """Whether Android runs there, but not in containers, which are left alone."""
    how_to_root: Callable[[int, str | None], str]
    """Why programs of a user lack root on a build of some type, and how a run gets it."""


class Link(Protocol):
    """The way to a device: commands there, and files there and back.

    Each method raises DeviceLostError where the device is gone.
    """

    @property
    def surroundings(self) -> Surroundings:
        """Where programs run on the device."""
        ...

    def open_shell(self, line: str) -> ProcessStream:
        """Start a command in the device's shell, whose streams stay open; HarnessError where none starts."""
        ...

    def push(self, local: Path, remote: str, mode: int) -> None:
        """Copy a file that can be read to the device; HarnessError if it does not arrive whole."""
        ...

    def pull(self, remote: str, local: Path, largest: int) -> None:
        """Copy a file of at most `largest` bytes from the device; HarnessError where that fails."""
        ...

    def reach_again(self) -> bool:
        """Whether the link had lost a device that lives, and reaches it again."""
        ...


def raise_if_lost(controller: Controller, *, cut_off: bool = False) -> None:
    """Raise DeviceLostError, with the reason as far as it is known, where the device is gone.

    After a connection was `cut_off`, the device has 2 s to end: its connections may end first.
    """
    if cut_off:
        with contextlib.suppress(TimeLimitError):
            Deadline(ENDS_WITHIN).poll(lambda: not controller.alive, "the end of the device")
    if not controller.alive:
        raise DeviceLostError(controller.loss_reason())
