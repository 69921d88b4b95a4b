"""Runs a program that uses libbinder as its arguments direct, and reads its answers.

There are two: one carries AOSP's libbinder, of the release that `Facts.libbinder_release` names; the other
uses the device's own, for some commands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, HarnessError
from harness.agent.program import RemoteProgram

if TYPE_CHECKING:
    from harness.device.device import Device

ANSWER_SECONDS = 10.0
OWN = "/system/lib64/libbinder.so"
"""The library of an Android device."""
OURS = "AOSP's libbinder of Android {release}, built by Binder harness"
"""The library of a device without one; see `Facts.libbinder_release`."""

Answer = dict[str, Any]
"""One JSON object; the program's --help documents its form."""


class LibbinderProbe:
    """The program while it runs."""

    def __init__(self, program: RemoteProgram, library: str) -> None:
        self.program = program
        self.pid = program.pid
        self.library = library
        """`OWN`, or `OURS` with its release."""

    def answer(self, deadline: Deadline | None = None) -> Answer:
        """Its next answer. Raises HarnessError where it ended or failed, TimeLimitError after 10 s.

        Where a program on the device's own library ended, that is a FacilityMissingError.
        """
        line = self.program.line(deadline or Deadline(ANSWER_SECONDS))
        answer = None if line is None else json.loads(line)
        if answer is None and self.library == OWN:
            raise FacilityMissingError(
                f"The device's own libbinder cannot be used here: {self.program.standard_error.strip()}"
            )
        if answer is None or "error" in answer:
            reason = self.program.standard_error if answer is None else answer["error"]
            raise HarnessError(f"libbinder_probe gave up: {reason}")
        return dict(answer)


@contextmanager
def running_probe(device: Device, *words: str, own: bool = False) -> Iterator[LibbinderProbe]:
    """Start the program with these arguments; it is killed in the end. FacilityMissingError without it.

    `own` has the device's own library used, where there is one; for the commands state, driver and fork.
    """
    own = own and device.surroundings.is_android and device.files.exists(OWN)
    path = device.own_libbinder if own else device.libbinder_probe
    with device.program([path, *words]) as program:
        program.resume()
        yield LibbinderProbe(program, OWN if own else OURS.format(release=device.facts.libbinder_release))


def ask_probe(device: Device, *words: str) -> Answer:
    """The first answer to these arguments; see `running_probe`."""
    with running_probe(device, *words) as probe:
        return probe.answer()
