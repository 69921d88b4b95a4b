"""Names the experiments that `binder-harness measure` can run by themselves.

`@measurement("second-mapping", "The outcome of a second mmap.")` names a function that takes a device and
returns a frozen dataclass of figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.experiments.core.registry import Registry

if TYPE_CHECKING:
    from harness.device.device import Device

Measure = Callable[..., object]
MeasureT = TypeVar("MeasureT", bound=Measure)


@dataclass(frozen=True, slots=True)
class Measurement:
    """An experiment that returns a frozen dataclass of raw figures."""

    name: str
    summary: str
    run: Callable[[Device], object]


MEASUREMENTS: Registry[Measurement] = Registry(
    "measurement", "harness.experiments", listed_by="binder-harness measure"
)


def measurement(name: str, summary: str) -> Callable[[MeasureT], MeasureT]:
    """Give a function a name under which `measure` finds it, and one sentence on what it measures.

    All of its parameters but the first, the device, need defaults: it is run with those.
    """

    def register(run: MeasureT) -> MeasureT:
        MEASUREMENTS.add(name, Measurement(name, summary, run), run)
        return run

    return register
