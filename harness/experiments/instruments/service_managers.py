"""The service managers that a device has: the one that runs, and the other generation, started beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emulator.base.errors import FacilityMissingError
from harness.binder.endpoint import Binder
from harness.binder.services.manager_program import PROGRAM_IN_C, HeldManager, held_manager
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.device.facts import Need
from harness.experiments.instruments.generations import Generation
from harness.experiments.instruments.node_files import free_node
from harness.kernel.proc.process import ProcessFiles

if TYPE_CHECKING:
    from harness.device.device import Device

PROGRAM = "/system/bin/servicemanager"
PROGRAM_ON_LIBBINDER = "/system/bin/servicemanager11"
"""Android 11's, where the embedded device's own is Android 10's."""
IN_C, ON_LIBBINDER = Generation.IN_C, Generation.ON_LIBBINDER

Figures = TypeVar("Figures")


@dataclass(frozen=True, slots=True)
class Place:
    """A running service manager, and a process that can call it."""

    generation: Generation
    node: str
    """The device whose context manager it is."""
    client: Binder
    manager: ServiceManager
    """As the client sees it."""
    find_pid: Callable[[], int]

    @property
    def pid(self) -> int:
        """Its process; FacilityMissingError where that cannot be seen, which takes root."""
        return self.find_pid()


@dataclass(frozen=True, slots=True)
class Held:
    """A service manager that has not begun yet."""

    generation: Generation
    manager: HeldManager

    @property
    def pid(self) -> int:
        """Its process."""
        return self.manager.program.pid

    def begin(self) -> Place:
        """Let it begin, and wait until it is context manager; TimeLimitError after 10 s."""
        manager, client = self.manager.begin(), self.manager.client
        return Place(self.generation, client.file.path, client, manager, lambda: self.pid)


def at_each(device: Device, experiment: Callable[[Place], Figures]) -> tuple[Figures, ...]:
    """What an experiment gives on the device's service manager, and on one of the other generation.

    The embedded device alone has both; the other one is started on a device without context manager.
    FacilityMissingError where there is none at all.
    """
    figures = []
    others = list(_programs(device)) if device.facts.free_binder_device else []
    if device.facts.service_manager:
        with running(device) as place:
            others = [generation for generation in others if generation != place.generation]
            figures.append(experiment(place))
    for generation in others:
        with held(device, generation) as other:
            figures.append(experiment(other.begin()))
    if not figures:
        Need.SERVICE_MANAGER.require(device.facts)
    return tuple(figures)


@contextmanager
def running(device: Device) -> Iterator[Place]:
    """The device's own service manager; FacilityMissingError where none runs."""
    Need.SERVICE_MANAGER.require(device.facts)
    with device.process() as process, Binder.open(process, BINDER) as client:
        manager = ServiceManager(client)
        generation = IN_C if manager.dialect.in_c else ON_LIBBINDER
        yield Place(generation, BINDER, client, manager, lambda: _pid(device))


@contextmanager
def held(device: Device, generation: Generation) -> Iterator[Held]:
    """Start a service manager on a device without context manager, held before its beginning, and end it.

    FacilityMissingError where the device does not have that generation, or no such device.
    """
    programs = _programs(device)
    if generation not in programs:
        raise FacilityMissingError(
            f"needs a service manager {generation.in_words} that may be started and ended at will. "
            "It can be tested on the target `embedded`."
        )
    Need.FREE_BINDER.require(device.facts)
    with held_manager(device, programs[generation], free_node(device.facts)) as manager:
        yield Held(generation, manager)


def _programs(device: Device) -> dict[Generation, str]:
    """Of both generations where the device has both, else none."""
    if not device.files.exists(PROGRAM_IN_C):
        return {}
    beside = device.files.exists(PROGRAM_ON_LIBBINDER)
    return {IN_C: PROGRAM_IN_C, ON_LIBBINDER: PROGRAM_ON_LIBBINDER if beside else PROGRAM}


def _pid(device: Device) -> int:
    """Of the service manager that has /dev/binder open: a vendor's own has another device open."""
    names = map(os.path.basename, (PROGRAM, PROGRAM_IN_C, PROGRAM_ON_LIBBINDER))
    named = device.run(["pidof", *names])
    pids = named.output.split()
    for pid in map(int, pids):
        files = ProcessFiles(device.files, pid).descriptors.values()
        if os.path.basename(BINDER) in map(os.path.basename, files):
            return pid
    raise FacilityMissingError(
        f"needs the service manager's process: of those that pidof finds ({', '.join(pids) or 'none'}), none "
        f"is seen to have {BINDER} open. It can be tested on the target `embedded`, or on a rooted one."
    )
