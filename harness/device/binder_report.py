"""Which Binder a device speaks: its driver, the limits that follow, and who manages each binder device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.binder.driver.open_file import binder_vm_size
from harness.binder.endpoint import Binder
from harness.binder.errors import DeadObjectError
from harness.binder.services.service_manager import ServiceManager
from harness.device.free_device import distinct

if TYPE_CHECKING:
    from harness.agent.process import RemoteProcess
    from harness.device.device import Device

LIBBINDER_THREADS = 15
"""ProcessState.cpp, DEFAULT_MAX_BINDER_THREADS."""
CONTAINERS_LEFT_ALONE = "not asked: its manager may be Android's in a container"
_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ManagedNode:
    """A binder device and its context manager."""

    path: str
    free: bool
    """Whether nobody is its context manager."""
    manager: str
    """Who is, and the dialect that it speaks; or why that is not known."""


@dataclass(frozen=True, slots=True)
class BinderReport:
    """What a device's Binder is like; sizes in bytes."""

    driver: str
    """`C driver`, `Rust driver`, or why that is not known."""
    largest_call: int
    """To a process on libbinder with nothing else in its mapping, which is 1 MiB less two pages."""
    largest_oneway: int
    threads: int
    """At most so many beside those that a process on libbinder gives to Binder by itself."""
    nodes: tuple[ManagedNode, ...]
    """The device's own, and one made for this run where there is one."""


def report_binder(device: Device) -> BinderReport:
    """Find out by harmless calls, each with a limit; whatever a device refuses is said in the report."""
    facts = device.facts
    mapping = binder_vm_size(facts.page_size)
    with device.process() as process:
        known = dict.fromkeys(filter(None, (*facts.binder_devices, facts.free_binder_device)))
        paths = tuple(distinct(device.files, tuple(known)))
        asked = paths if device.surroundings.is_android else (facts.free_binder_device,)
        nodes = tuple(
            _managed(process, path) if path in asked else ManagedNode(path, False, CONTAINERS_LEFT_ALONE)
            for path in paths
        )
    unknown = "not known: its debug files cannot be read"
    return BinderReport(
        f"{facts.driver} driver" if facts.driver else unknown,
        mapping,
        mapping // 2,
        LIBBINDER_THREADS,
        nodes,
    )


def _managed(process: RemoteProcess, path: str) -> ManagedNode:
    if path.endswith("hwbinder"):
        return ManagedNode(path, False, "left alone: its manager speaks HIDL, not AIDL")
    try:
        with Binder.open(process, path) as binder:
            manager = ServiceManager(binder)
            try:
                manager.ping(deadline=Deadline(_ANSWER_SECONDS))
            except DeadObjectError:
                return ManagedNode(path, True, "free: nobody is its context manager")
            return ManagedNode(path, False, f"its service manager speaks {manager.dialect.name}")
    except (HarnessError, OSError) as error:
        why = str(error) if isinstance(error, HarnessError) else os.strerror(error.errno or 0)
        return ManagedNode(path, False, f"not known: {why.splitlines()[0]}")
