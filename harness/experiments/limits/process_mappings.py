"""How much of a binder device Android's own processes map: those of apps, and the service manager."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder.services.service import BINDER
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.libbinder_probe import running_probe
from harness.experiments.instruments.node_files import mappings_of
from harness.experiments.instruments.service_managers import Place, at_each
from harness.kernel.proc.maps import parse_maps
from harness.kernel.proc.process import ProcessFiles

if TYPE_CHECKING:
    from harness.device.device import Device

ZYGOTES = ("zygote64", "zygote")
_LINE = re.compile(r"/proc/(?P<pid>\d+)/maps:(?P<mapping>.*)")


@dataclass(frozen=True, slots=True)
class AppMappings:
    """The mappings of /dev/binder in processes of the kind that apps are."""

    processes: str
    """What kind of processes, in words."""
    sizes: tuple[int, ...]
    """The sizes of all their mappings in bytes, each once."""
    count: int
    """How many mappings there are."""
    page_size: int


@measurement("app-mapping", "How much of /dev/binder a process forked from zygote maps.")
def measure_app_mapping(device: Device) -> AppMappings:
    """Look at zygote's children; where there is no zygote, at a process on libbinder."""
    sizes = list(_sizes_in_children_of_zygote(device))
    processes = "processes forked from zygote"
    if not sizes:
        with running_probe(device, "state", "--times", "1", own=True) as probe:
            probe.answer()
            processes = f"a process on {probe.library}"
            sizes = [mapping.size for mapping in mappings_of(device, probe.pid)]
    return AppMappings(processes, tuple(sorted(set(sizes))), len(sizes), device.facts.page_size)


def _sizes_in_children_of_zygote(device: Device) -> Iterator[int]:
    zygotes = device.run(["pidof", *ZYGOTES]).output.split()
    if not zygotes:
        return
    lines = device.run(f"grep -s /{os.path.basename(BINDER)} /proc/[0-9]*/maps").output.splitlines()
    for match in filter(None, map(_LINE.fullmatch, lines)):
        (mapping,) = parse_maps(match["mapping"])
        if os.path.basename(mapping.path) != os.path.basename(BINDER):
            continue
        try:
            parent = ProcessFiles(device.files, int(match["pid"])).status.parent
        except FileNotFoundError:
            continue  # it has ended since
        if str(parent) in zygotes:
            yield mapping.size


@dataclass(frozen=True, slots=True)
class ServiceManagerMapping:
    """What a service manager maps of its device."""

    generation: str
    sizes: tuple[int, ...]
    """In bytes, one for each mapping."""


@measurement("service-manager-mapping", "How much of its device a service manager maps.")
def measure_service_manager_mapping(device: Device) -> tuple[ServiceManagerMapping, ...]:
    """Look at /proc of a running one, of each generation there is."""

    def experiment(place: Place) -> ServiceManagerMapping:
        mappings = mappings_of(device, place.pid, place.node)
        return ServiceManagerMapping(place.generation, tuple(mapping.size for mapping in mappings))

    return at_each(device, experiment)
