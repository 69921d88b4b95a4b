"""Runs the program that uses AOSP's libbinder as its arguments direct, and reads its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.program import RemoteProgram

if TYPE_CHECKING:
    from harness.device.device import Device

ANSWER_SECONDS = 10.0

Answer = dict[str, Any]
"""One JSON object; the program's --help documents its form."""


class LibbinderProbe:
    """The program while it runs."""

    def __init__(self, program: RemoteProgram) -> None:
        self.program = program
        self.pid = program.pid

    def answer(self, deadline: Deadline | None = None) -> Answer:
        """Its next answer. Raises HarnessError where it ended or failed, TimeLimitError after 10 s."""
        line = self.program.line(deadline or Deadline(ANSWER_SECONDS))
        answer = None if line is None else json.loads(line)
        if answer is None or "error" in answer:
            reason = self.program.standard_error if answer is None else answer["error"]
            raise HarnessError(f"libbinder_probe gave up: {reason}")
        return dict(answer)


@contextmanager
def running_probe(device: Device, *words: str) -> Iterator[LibbinderProbe]:
    """Start the program with these arguments; it is killed in the end. FacilityMissingError without it."""
    with device.program([device.libbinder_probe, *words]) as program:
        program.resume()
        yield LibbinderProbe(program)


def ask_probe(device: Device, *words: str) -> Answer:
    """The first answer to these arguments; see `running_probe`."""
    with running_probe(device, *words) as probe:
        return probe.answer()
