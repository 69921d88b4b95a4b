"""A binder device of this run's own: who becomes its context manager shuts nobody else out.

The driver remembers the user of a device's first context manager until the next boot, and refuses all others
(EPERM; drivers/android/binder.c, binder_ioctl_set_ctx_mgr, Linux 6.12). So an experiment that took a free
device of Android's could keep a service manager that is restarted from its own.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from emulator.base.errors import HarnessError
from harness.agent.files import AT_REMOVEDIR
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.binder.abi.structures import BinderfsDevice
from harness.binder.abi.uapi import BINDER_CTL_ADD

NAME = "binder-harness"
ANYONE = 0o666
"""The mode that Android's ueventd gives binder devices; experiments open them as several users."""
MS_NOSUID, MS_NOEXEC = 2, 8
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
"""include/uapi/linux/mount.h, include/linux/fs.h."""


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where the device can be made: one run at a time uses it."""

    directory: str
    """Where a binderfs of our own is mounted."""
    shared: str | None = None
    """A mounted binderfs that is used where none can be mounted; None where it would be somebody's."""


def make_private_node(process: RemoteProcess, place: NodePlace) -> str:
    """Make the device, after removing what a killed run left, and return its path; `process` is root.

    It is in a binderfs mounted for it, or in the shared one where none can be mounted. Raises HarnessError
    where neither takes it, with the reasons.
    """
    remove_private_node(process, place)
    reasons = []
    try:
        _mount(process, place.directory)
        return _add_device(process, place.directory)
    except OSError as refused:
        reasons.append(f"{os.strerror(refused.errno or 0)} at {place.directory}")
    if place.shared is not None:
        remove_private_node(process, place)
        try:
            return _add_device(process, place.shared)
        except OSError as refused:
            reasons.append(f"{os.strerror(refused.errno or 0)} at {place.shared}")
    remove_private_node(process, place)
    raise HarnessError(f"binderfs gives it no device of its own ({', '.join(reasons)})")


def remove_private_node(process: RemoteProcess, place: NodePlace) -> None:
    """Remove the device wherever it is, with the mount and its directory; nothing where there is none.

    A process that still has it open keeps it until it closes it.
    """
    directory = os.fsencode(place.directory)
    with contextlib.suppress(OSError):
        process.syscall("umount2", directory, MNT_DETACH | UMOUNT_NOFOLLOW)
    with contextlib.suppress(OSError):
        process.syscall("unlinkat", AT_FDCWD, directory, AT_REMOVEDIR)
    if place.shared is not None:
        with contextlib.suppress(OSError):
            process.syscall("unlinkat", AT_FDCWD, os.fsencode(f"{place.shared}/{NAME}"), 0)


def _mount(process: RemoteProcess, directory: str) -> None:
    place = os.fsencode(directory)
    process.syscall("mkdirat", AT_FDCWD, place, 0o755)
    process.syscall("mount", b"binder", place, b"binder", MS_NOSUID | MS_NOEXEC, b"")


def _add_device(process: RemoteProcess, directory: str) -> str:
    control = os.fsencode(f"{directory}/binder-control")
    descriptor = process.syscall("openat", AT_FDCWD, control, os.O_RDONLY | os.O_CLOEXEC)
    try:
        process.syscall("ioctl", descriptor, BINDER_CTL_ADD, BinderfsDevice(NAME.encode()).pack())
    finally:
        process.syscall("close", descriptor)
    path = f"{directory}/{NAME}"
    process.syscall("fchmodat", AT_FDCWD, os.fsencode(path), ANYONE)
    return path
