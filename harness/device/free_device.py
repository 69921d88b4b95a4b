"""Finds a binder device that an experiment may be context manager of, without shutting out anybody else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Protocol

from emulator.base.errors import FacilityMissingError, HarnessError
from harness.agent.files import AgentFiles
from harness.agent.process import RemoteProcess
from harness.binder.endpoint import Binder
from harness.binder.pair import SYSTEM_USER
from harness.device.link import Surroundings

SERVICE_MANAGER = "servicemanager"
MANAGERS = {
    "vndbinder": ("/vendor/bin/vndservicemanager",),
    "hwbinder": ("/system/bin/hwservicemanager", "/system/system_ext/bin/hwservicemanager"),
    "binder": (f"/system/bin/{SERVICE_MANAGER}",),
}
"""The programs that become their context managers on Android: frameworks/native/cmds/servicemanager and
system/hwservicemanager, in their .rc files; in system_ext from Android 14 on."""


class HasBinderDevices(Protocol):
    """What this needs of a device."""

    @property
    def files(self) -> AgentFiles:
        """Its files."""
        ...

    @property
    def surroundings(self) -> Surroundings:
        """Where its programs run."""
        ...

    def make_private_node(self, process: RemoteProcess) -> str:
        """Make a binder device that this run alone uses, and return its path."""
        ...


def free_device(
    device: HasBinderDevices, process: RemoteProcess, nodes: Sequence[str], *, may_make_one: bool = True
) -> str:
    """The first device whose context manager this process can become; it stops being one at once.

    Best is one that is made for this run, unless it is known that none can be. The driver remembers the user
    of a device's first context manager and refuses all others until the next boot (drivers/android/binder.c,
    binder_ioctl_set_ctx_mgr, Linux 6.12): so where Android has a program for a device, or may have one in a
    container, only that program's user is tried, and servicemanager, without which nothing works, always
    finds its own free. FacilityMissingError, with the reason for each device, where there is none.
    """
    refusals = []
    if may_make_one and process.uid == 0:
        try:
            return manage_once(process, device.make_private_node(process))
        except (HarnessError, OSError) as error:
            refusals.append(str(error))
    for path in distinct(device.files, nodes):
        owner = _owner(device, path)
        may_try = process.uid in (0, SYSTEM_USER) and not owner.endswith(f"/{SERVICE_MANAGER}")
        if owner and not may_try:
            refusals.append(f"{path} is left to {owner}")
            continue
        try:
            return manage_once(process, path, uid=SYSTEM_USER if owner and process.uid == 0 else None)
        except OSError as error:
            refusals.append(f"{path}: {os.strerror(error.errno or 0)}")
    raise FacilityMissingError("; ".join(refusals) or "there is no binder device")


def distinct(files: AgentFiles, nodes: Sequence[str]) -> Iterator[str]:
    """The paths without those that others link to: with binderfs, a device has two names."""
    linked = set()
    for path in nodes:
        with contextlib.suppress(OSError):
            linked.add(files.read_link(path))
    yield from (path for path in nodes if path not in linked)


def _owner(device: HasBinderDevices, path: str) -> str:
    """Whose a binder device is even while nobody manages it; empty for nobody's."""
    if not device.surroundings.is_android:
        return "Android in a container, whose service managers run as the user with the number 1000"
    return next(filter(device.files.exists, MANAGERS.get(os.path.basename(path), ())), "")


def manage_once(process: RemoteProcess, path: str, *, uid: int | None = None) -> str:
    """The path itself, after the process was context manager there for a moment; raises OSError."""
    with Binder.open(process, path) as binder:
        binder.become_context_manager(uid=uid)
    return path
