"""A program taken again on a device."""

from __future__ import annotations

from harness.device.device import Device
from harness.explore.actors import Actors, free_node
from harness.explore.comparison import Comparison
from harness.model.steps import Step


def replay(device: Device, *program: Step) -> None:
    """Take these steps on the device's free node, comparing each with the model.

    Raises DisagreementError at the first that differs, FacilityMissingError where no node is free.
    """
    actors = Actors(device, free_node(device))
    comparison = Comparison(actors)
    try:
        for step in program:
            comparison.take(step)
    finally:
        actors.reset()
