"""A binder device of this run's own: who becomes its context manager shuts nobody else out.

The driver remembers the user of a device's first context manager until the next boot, and refuses all others
(EPERM; drivers/android/binder.c, binder_ioctl_set_ctx_mgr, Linux 6.12). So an experiment that took a free
device of Android's could keep a service manager that is restarted from its own.
"""

from __future__ import annotations

import contextlib
import os

from emulator.base.errors import HarnessError
from harness.agent.files import AT_REMOVEDIR
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.binder.abi.structures import BinderfsDevice
from harness.binder.abi.uapi import BINDER_CTL_ADD

DIRECTORY = "/data/local/tmp/binder-harness-node"
"""Where a binderfs of our own is mounted: one run at a time uses a device."""
SHARED_DIRECTORY = "/dev/binderfs"
"""Where Android's is (system/core/rootdir/init.rc, Android 11 and later)."""
NAME = "binder-harness"
ANYONE = 0o666
"""The mode that Android's ueventd gives binder devices; experiments open them as several users."""
MS_NOSUID, MS_NOEXEC = 2, 8
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
"""include/uapi/linux/mount.h, include/linux/fs.h."""


def make_private_node(process: RemoteProcess) -> str:
    """Make the device, after removing what a killed run left, and return its path; `process` is root.

    It is in a binderfs mounted for it, or in Android's where none can be mounted. Raises HarnessError where
    neither takes it, with both reasons.
    """
    remove_private_node(process)
    try:
        _mount(process)
        return _add_device(process, DIRECTORY)
    except OSError as refused:
        remove_private_node(process)
        try:
            return _add_device(process, SHARED_DIRECTORY)
        except OSError as refused_there:
            remove_private_node(process)
            reasons = [os.strerror(error.errno or 0) for error in (refused, refused_there)]
            raise HarnessError(
                f"binderfs gives it no device of its own ({reasons[0]} at {DIRECTORY}, {reasons[1]} at "
                f"{SHARED_DIRECTORY})"
            ) from refused


def remove_private_node(process: RemoteProcess) -> None:
    """Remove the device wherever it is, with the mount and its directory; nothing where there is none.

    A process that still has it open keeps it until it closes it.
    """
    place, device = os.fsencode(DIRECTORY), os.fsencode(f"{SHARED_DIRECTORY}/{NAME}")
    with contextlib.suppress(OSError):
        process.syscall("umount2", place, MNT_DETACH | UMOUNT_NOFOLLOW)
    with contextlib.suppress(OSError):
        process.syscall("unlinkat", AT_FDCWD, place, AT_REMOVEDIR)
    with contextlib.suppress(OSError):
        process.syscall("unlinkat", AT_FDCWD, device, 0)


def _mount(process: RemoteProcess) -> None:
    place = os.fsencode(DIRECTORY)
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
