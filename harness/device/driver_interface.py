"""What the driver supports: its ioctls and notifications, found by trying each, and the features it lists."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
from collections.abc import Mapping

from emulator.base.errors import FacilityMissingError
from harness.agent.operations import Read, SystemCall
from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.agent.thread import effective_user
from harness.binder.abi.structures import BinderVersion
from harness.binder.abi.uapi import BinderCommand, BinderIoctl
from harness.binder.driver.ioctls import ThreadIoctls
from harness.binder.driver.known_commands import knows_command
from harness.binder.driver.open_file import OpenFile
from harness.binder.pair import SYSTEM_USER
from harness.binder.thread.notifications import NO_FREEZE_NOTIFICATIONS
from harness.kernel.files import Files

MAKE_CONTEXT_MANAGER = (BinderIoctl.BINDER_SET_CONTEXT_MGR, BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT)
NEED_AN_ARGUMENT = (
    BinderIoctl.BINDER_SET_MAX_THREADS,
    BinderIoctl.BINDER_THREAD_EXIT,
    *MAKE_CONTEXT_MANAGER,
)
"""Ioctls that, like an unsupported one, fail with EINVAL when their argument is unreadable: they get zeros.

A process that becomes context manager by this stops being one when it closes the device.
"""
BINDERFS = "/dev/binderfs"
"""Where Android mounts it (system/core/rootdir/init.rc, Android 11)."""


def driver_interface(
    process: RemoteProcess, path: str | None, *, may_manage: bool
) -> tuple[int | None, frozenset[str], frozenset[str]]:
    """The protocol's version, the ioctls that the driver supports, and those that were refused.

    An ioctl that the driver does not support fails with EINVAL; one that SELinux keeps from the caller with
    EACCES, supported or not (security/selinux/hooks.c, ioctl_has_perm). Unless the process may become context
    manager there, or is refused since there is one, the ioctls that would make it one are not tried.
    """
    if path is None:
        return None, frozenset(), frozenset()
    try:
        descriptor = process.syscall("openat", AT_FDCWD, path.encode(), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None, frozenset(), frozenset()
    tried = [ioctl for ioctl in BinderIoctl if may_manage or ioctl not in MAKE_CONTEXT_MANAGER]
    memory = process.memory
    with memory.allocate(process.page_size) as zeros, memory.allocate(BinderVersion.sizeof()) as version:
        arguments = dict.fromkeys(NEED_AN_ARGUMENT, zeros.address)
        arguments[BinderIoctl.BINDER_VERSION] = version.address
        *results, version_read = process.main.batch(
            *(SystemCall("ioctl", descriptor, ioctl, arguments.get(ioctl, 0)) for ioctl in tried),
            Read(version.address, BinderVersion.sizeof()),
            keep_going=True,
        )
        outcomes = {ioctl: result.errno for ioctl, result in zip(tried, results, strict=True)}
        # The driver may keep the device for the user of Android's service managers: see free_device.
        kept = [ioctl for ioctl in MAKE_CONTEXT_MANAGER if outcomes.get(ioctl) == errno.EPERM]
        if process.uid == 0 and kept:
            with effective_user(process.main, SYSTEM_USER, own=process.uid):
                again = [SystemCall("ioctl", descriptor, ioctl, zeros.address) for ioctl in kept]
                results = process.main.batch(*again, keep_going=True)
            outcomes |= {ioctl: result.errno for ioctl, result in zip(kept, results, strict=True)}
        process.syscall("close", descriptor)
    protocol = BinderVersion.unpack(version_read.data).protocol_version or None
    return protocol, *supported_and_refused({ioctl.name: number for ioctl, number in outcomes.items()})


def supported_and_refused(outcomes: Mapping[str, int]) -> tuple[frozenset[str], frozenset[str]]:
    """The ioctls that a driver supports, and those that nothing is known of, by the errno of a try or 0."""
    refused = {name for name, number in outcomes.items() if number in (errno.EACCES, errno.EPERM)}
    unsupported = {name for name, number in outcomes.items() if number in (errno.EINVAL, errno.ENOTTY)}
    return frozenset(outcomes.keys() - refused - unsupported), frozenset(refused)


def driver_features(files: Files, free: str | None) -> tuple[str, ...]:
    """What binderfs lists as its driver's features, of those that are there.

    Read where Android has binderfs mounted, or where the device is that this run may manage
    (drivers/android/binderfs.c, init_binder_features, Linux 5.13; rust_binderfs.c, Linux 6.18).
    """
    for mounted in (BINDERFS, *([posixpath.dirname(free)] if free else [])):
        directory = f"{mounted}/features"
        with contextlib.suppress(OSError):
            names = files.list_directory(directory)
            return tuple(name for name in names if files.read_text(f"{directory}/{name}").strip() == "1")
    return ()


def takes_freeze_requests(process: RemoteProcess, path: str | None) -> bool:
    """Whether the driver takes requests for freeze notifications; else FacilityMissingError.

    Raises OSError where the device cannot be opened, or a security policy refuses the attempt.
    """
    if path is None:
        raise FacilityMissingError("there is no binder device")
    with contextlib.closing(OpenFile.open(process, path)) as file:
        thread = ThreadIoctls(file, process.main)
        if not knows_command(thread, BinderCommand.BC_REQUEST_FREEZE_NOTIFICATION):
            raise FacilityMissingError(NO_FREEZE_NOTIFICATIONS)
    return True
