"""A program taken again on a device."""

from __future__ import annotations

from harness.device.device import Device
from harness.explore.comparison import Comparison
from harness.explore.taking.actors import Actors, free_node
from harness.model.steps import Outcome, Step


def replay(device: Device, *program: Step) -> list[Outcome]:
    """Take these steps on the device's free node, compare each with the model, and return the outcomes.

    Raises DisagreementError at the first that differs, FacilityMissingError where no node is free.
    """
    actors = Actors(device, free_node(device))
    comparison = Comparison(actors)
    try:
        return [comparison.take(step) for step in program]
    finally:
        actors.reset()
