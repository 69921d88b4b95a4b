"""Whether a program stops a device: each is tried on a fresh one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from emulator.base.errors import DeviceLostError, HarnessError
from harness.explore.comparison import DisagreementError, Taker, Together
from harness.model.steps import ImpossibleStepError, Step

Fresh = Callable[[], AbstractContextManager[Sequence[Taker]]]
"""Starts the devices of a search anew."""


def stops_device(fresh: Fresh, program: Sequence[Step]) -> bool:
    """Take a program on fresh devices: True where one of them is lost in its last step."""
    with fresh() as takers:
        together = Together(takers, {})
        for number, step in enumerate(program, 1):
            try:
                together.take(step)
            except DeviceLostError:
                return number == len(program)
            except (DisagreementError, ImpossibleStepError, HarnessError, OSError):
                return False
    return False
