"""What libbinder's ProcessState is to a process: by libbinder itself, and seen from outside.

The library is the device's own, or ours where the device has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError
from harness.device.facts import Need
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.libbinder_probe import OURS, running_probe
from harness.experiments.instruments.node_files import mappings_of
from harness.kernel.proc.process import ProcessFiles

if TYPE_CHECKING:
    from harness.device.device import Device

MISSING = "/dev/binder_harness_missing"
TIMES = 1000
_OURS = OURS.format(release=11)
"""What documents that name no library were measured with."""
USES = 3
"""How many answers `libbinder_probe fork` gives."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A process that has asked for its ProcessState again and again, and done nothing else."""

    asked: int
    """How often."""
    objects: int
    """How many different ones it got."""
    descriptors: tuple[int, ...]
    """The process's descriptors of the binder device."""
    mappings: tuple[int, ...]
    """The sizes of its mappings of the device, in bytes."""
    permissions: tuple[str, ...]
    """Of each mapping, such as `r--p`."""
    vm_flags: tuple[tuple[str, ...], ...]
    """Of each mapping."""
    library: str = _OURS
    """The libbinder that was used."""


@measurement("process-state", "How many descriptors and mappings a process on libbinder has.")
def measure_process_state(device: Device) -> ProcessState:
    """Have the probe ask a thousand times, and read in /proc what it has open and mapped."""
    with running_probe(device, "state", "--times", str(TIMES), own=True) as probe:
        answer = probe.answer()
        files = ProcessFiles(device.files, probe.pid).descriptors
        mappings = mappings_of(device, probe.pid)
    paths = {answer["driver"], *(mapping.path for mapping in mappings)}
    return ProcessState(
        asked=answer["asked"],
        objects=answer["objects"],
        descriptors=tuple(descriptor for descriptor, path in files.items() if path in paths),
        mappings=tuple(mapping.size for mapping in mappings),
        permissions=tuple(mapping.permissions for mapping in mappings),
        vm_flags=tuple(tuple(sorted(mapping.vm_flags)) for mapping in mappings),
        library=probe.library,
    )


@dataclass(frozen=True, slots=True)
class MaximumThreads:
    """The limit on threads that a process on libbinder has set."""

    maximum: int
    """As the driver's debug files show it."""
    library: str = _OURS
    """The libbinder that was used."""


@measurement("libbinder-threads", "How many threads the driver may request of a process on libbinder.")
def measure_maximum_threads(device: Device) -> MaximumThreads:
    """Have the probe open the driver, and read its limit; FacilityMissingError without the debug files."""
    Need.BINDER_DEBUG.require(device.facts)
    with running_probe(device, "state", "--times", "1", own=True) as probe:
        probe.answer()
        (statistics,) = device.binder.stats().of_process(probe.pid)
    if statistics.pool is None:
        raise FacilityMissingError(
            "needs a driver that shows a process's limit on threads in its debug files. It can be tested on "
            "the embedded device, or a rooted one."
        )
    return MaximumThreads(statistics.pool.maximum, probe.library)


@dataclass(frozen=True, slots=True)
class MissingDriver:
    """What libbinder uses in the place of a driver that is not there."""

    asked: str
    used: str | None
    """The name of the driver that libbinder then uses; None where it uses none."""
    mapped: tuple[str, ...]
    """What the process has mapped then."""
    signal: int | None
    """The signal that killed the process, if any."""
    log: str
    """What libbinder logged; on Android it logs elsewhere."""
    library: str = _OURS
    """The libbinder that was used."""


@measurement("missing-driver", "What libbinder uses in the place of a driver that is not there.")
def measure_missing_driver(device: Device) -> MissingDriver:
    """Have the probe name a device that does not exist, before it uses libbinder otherwise."""
    with running_probe(device, "driver", MISSING, own=True) as probe:
        child = probe.answer()["child"]
    answer = child["answer"] or {"driver": None, "mappings": []}
    return MissingDriver(
        asked=MISSING,
        used=answer["driver"],
        mapped=tuple(mapping["path"] for mapping in answer["mappings"]),
        signal=child["signal"],
        log=child["log"].strip(),
        library=probe.library,
    )


@dataclass(frozen=True, slots=True)
class ChildUse:
    """The outcome of using libbinder in a child of the probe."""

    use: str
    """What was called."""
    answer: str | None
    """What it returned, as JSON; None where the child died of it."""
    signal: int | None
    """The signal that killed the child: 6, SIGABRT, is libbinder's own way to refuse."""
    log: str
    """What libbinder logged; on Android it logs elsewhere."""
    library: str = _OURS
    """The libbinder that was used."""


@measurement("use-after-fork", "What a forked child can do with its parent's libbinder.")
def measure_use_after_fork(device: Device) -> tuple[ChildUse, ...]:
    """Have the probe use libbinder, fork, and use it in the child: one child for each of three uses."""
    with running_probe(device, "fork", own=True) as probe:
        answers = [probe.answer() for _ in range(USES)]
    return tuple(
        ChildUse(
            use=answer["use"],
            answer=answer["child"]["answer"] and json.dumps(answer["child"]["answer"]),
            signal=answer["child"]["signal"],
            log=answer["child"]["log"].strip(),
            library=probe.library,
        )
        for answer in answers
    )
