"""What Android's init does when its service manager dies: what its files declare, and what happens."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, TimeLimitError
from harness.binder.endpoint import Binder
from harness.binder.services.service import ACTIVITY_MANAGER, BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.experiments.core.measurement import measurement
from harness.framework.dumps.init_files import (
    InitService,
    files_for,
    parse_init_file,
    restarts_with,
)

if TYPE_CHECKING:
    from harness.device.device import Device

SERVICE_MANAGER = "servicemanager"
APEXES = "/apex"
DIRECTORIES = (
    "/",
    "/system/etc/init/hw",
    *(f"/{partition}/etc/init" for partition in ("system", "system_ext", "vendor", "odm", "product")),
)
"""Where init reads .rc files, in its order (system/core/init/init.cpp, LoadBootScripts): its own are in / to
Android 10, and in /system/etc/init/hw since. Those of the APEXes come last (apex_init_util.cpp)."""
RESTART_SECONDS = 60.0
FRAMEWORK_SECONDS = 180.0
_STATE = re.compile(r"^\[init\.svc_debug_pid\.(?P<name>[^\]]+)\]: \[(?P<pid>\d+)\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ServiceRestart:
    """What init does when the service manager dies; names are init's."""

    declared: tuple[str, ...]
    """The services that the .rc files have it restart, by name, by class, or in consequence."""
    running: tuple[str, ...]
    """Those of them that ran; empty where nothing was killed."""
    restarted: tuple[str, ...]
    """Those of them that were another process afterwards."""
    manager_restarted: bool | None
    """Whether there was another service manager; None where nothing was killed."""


@measurement("service-restart", "What Android restarts when its service manager dies.")
def measure_service_restart(device: Device, *, seconds: float = RESTART_SECONDS) -> ServiceRestart:
    """Read the .rc files; on a device of the harness's own, also kill the service manager, and wait for at
    most `seconds` until init has restarted what they declare.
    """
    services = tuple(_declared_services(device))
    if not any(service.name == SERVICE_MANAGER for service in services):
        raise FacilityMissingError(
            f"needs Android's init, and no .rc file of this device declares {SERVICE_MANAGER}. "
            "What is declared can be tested on any Android device, and what then happens on an Android "
            "emulator or Cuttlefish of the harness's own."
        )
    before = _processes(device)
    declared = restarts_with(SERVICE_MANAGER, services, running=before).services
    if not device.controller.disposable:
        return ServiceRestart(tuple(sorted(declared)), (), (), None)
    if SERVICE_MANAGER not in before:
        raise FacilityMissingError(
            "needs to know which process init runs as the service manager (property init.svc_debug_pid…). "
            "It can be tested on a userdebug or eng build of Android 9 or later."
        )
    watched = {name for name in declared | {SERVICE_MANAGER} if name in before}
    device.shell(["kill", "-9", str(before[SERVICE_MANAGER])])
    changed = _restarted(device, before, watched, Deadline(seconds))
    if device.facts.framework:
        _await_framework(device)
    running = watched - {SERVICE_MANAGER}
    return ServiceRestart(
        declared=tuple(sorted(declared)),
        running=tuple(sorted(running)),
        restarted=tuple(sorted(running & changed)),
        manager_restarted=SERVICE_MANAGER in changed,
    )


def _declared_services(device: Device) -> Iterator[InitService]:
    # /apex/NAME@VERSION is what /apex/NAME is, mounted a second time.
    apexes = (f"{APEXES}/{name}/etc" for name in _names_in(device, APEXES) if "@" not in name)
    for directory in (*DIRECTORIES, *apexes):
        for name in files_for(_names_in(device, directory), device.facts.api_level or 0):
            with contextlib.suppress(OSError):  # /init.rc is root's alone
                text = device.files.read_text(f"{directory.rstrip('/')}/{name}")
                yield from parse_init_file(text)


def _names_in(device: Device, directory: str) -> list[str]:
    with contextlib.suppress(OSError):  # it is not there, or closed to adb's shell
        return device.files.list_directory(directory)
    return []


def _processes(device: Device) -> Mapping[str, int]:
    """The running services of init, by name (its properties init.svc_debug_pid.*, Android 9 and later)."""
    return {match["name"]: int(match["pid"]) for match in _STATE.finditer(device.run("getprop").output)}


def _restarted(
    device: Device, before: Mapping[str, int], watched: Iterable[str], deadline: Deadline
) -> set[str]:
    """Those of the watched services that come back as other processes in time."""
    changed: set[str] = set()

    def all_changed() -> bool:
        now = _processes(device)
        changed.update(name for name in watched if now.get(name, before[name]) != before[name])
        return changed >= set(watched)

    with contextlib.suppress(TimeLimitError):
        deadline.poll(all_changed, "the restart of Android's services", interval=0.5)
    return changed


def _await_framework(device: Device) -> None:
    """Leave the device as it was: with its framework up."""
    with device.process() as process, Binder.open(process, BINDER) as binder:
        ServiceManager(binder).wait_for(ACTIVITY_MANAGER, Deadline(FRAMEWORK_SECONDS))
