"""The claim that a driver does what the model says: `matrix --claims harness.explore.claims model.agrees`."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.base.errors import FacilityMissingError
from harness.device.device import Device
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding
from harness.experiments.core.measurement import measurement
from harness.experiments.core.source_documents import source_document
from harness.explore.choosing.rules import RULES
from harness.explore.program import as_python
from harness.explore.search import Limits, Search
from harness.explore.taking.actors import Actors, free_node

STEPS = 2000
SEED = 20

source_document("M", "The model of the driver, harness.model")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What random programs showed."""

    steps: int
    programs: int
    differences: tuple[str, ...]
    """Of the first step on which driver and model differ."""
    program: str
    """The shortest that ends in it, in Python."""


@measurement("model-agreement", "Whether random programs do on the driver what the model says.")
def measure_agreement(device: Device) -> Agreement:
    """Search as `explore` does, for a number of steps."""
    actors = Actors(device, free_node(device))
    if not actors.features.shows_counts:
        raise FacilityMissingError("the driver's debug files show other counts than the model has")
    search = Search(actors, limits=Limits(steps=STEPS))
    search.run(tuple(RULES), seed=SEED)
    found = search.disagreement
    return Agreement(
        search.steps,
        search.programs,
        () if found is None else found.differences,
        "" if found is None else as_python(found.program),
    )


@claim(
    "model.agrees",
    measure=measure_agreement,
    documents="M",
    statement="The driver does what the model says.",
    experiment="Take random programs on the driver and in the model, and compare after each step.",
    source="drivers/android/binder.c, binder_alloc.c, Linux 6.1 and 6.12",
    needs=(Need.FREE_BINDER, Need.BINDER_DEBUG),
)
def model_agrees(m: Agreement, facts: Facts) -> Finding:  # noqa: ARG001
    """The first difference refutes it."""
    return Finding.whether(
        not m.differences,
        "{steps} steps of {programs} programs: {differences}",
        steps=Figure(m.steps, "binder-harness explore", varies=True),
        programs=Figure(m.programs, "binder-harness explore", varies=True),
        differences=Figure("; ".join(m.differences) or "no difference", "the driver's answers and files"),
    )
