"""The activity manager of a device: its own, or, where there is no framework, a stand-in that is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.deadline import Deadline
from harness.facts import FacilityMissingError, Need

if TYPE_CHECKING:
    from harness.device import Device

START_SECONDS = 10.0
STANDIN = "stand-in"


@dataclass(frozen=True, slots=True)
class Framework:
    """Which activity manager answers."""

    stand_in: bool
    """Whether it is the stand-in, which says nothing about Android's own."""
    release: int | None = None
    """Of Android, where it runs; None for the stand-in, which has the release of its service manager."""

    @property
    def name(self) -> str:
        """For sentences that tell what was measured."""
        return f"{STANDIN} for the activity manager" if self.stand_in else "activity manager"


@contextmanager
def open_framework(device: Device, *, receiver_seconds: float = 10.0) -> Iterator[Framework]:
    """Use the device's activity manager, or start the stand-in for the length of the block.

    `receiver_seconds` is how long the stand-in lets a receiver of an ordered broadcast take. Raises
    FacilityMissingError where there is no framework, and the stand-in cannot be had or started either.
    """
    if device.facts.framework:
        release = (device.facts.android_release or "").partition(".")[0]
        yield Framework(stand_in=False, release=int(release) if release.isdecimal() else None)
        return
    Need.SERVICE_MANAGER.require(device.facts)
    command = [device.activity_standin, "--receiver-seconds", f"{receiver_seconds:g}"]
    with device.program(command) as program:
        line = program.resume().line(Deadline(START_SECONDS))
        if line is None:
            raise FacilityMissingError(
                "needs an activity manager, and the stand-in does not start here: "
                f"{program.standard_error.strip()}. "
                "It is of Android 11, as the embedded device's usual service manager is."
            )
        yield Framework(stand_in=True)
