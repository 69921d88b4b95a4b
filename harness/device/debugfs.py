"""Debugfs for one process alone, on a device that shows the driver's debug files nowhere.

Userdebug builds unmount it after boot from Android 12 on (docs of AOSP, “debugfs in Android 12”), and where
the kernel has no binderfs, as Android's up to 4.14, the debug files are nowhere else.
"""

from __future__ import annotations

import contextlib
import os

from harness.agent.process import RemoteProcess
from harness.agent.syscalls import AT_FDCWD
from harness.kernel.binder_debug.debug_files import LOCATIONS

PLACE = "/sys/kernel/debug"
CLONE_NEWNS = 0x20000
MS_REC, MS_SLAVE = 0x4000, 0x80000
"""include/uapi/linux/sched.h, mount.h."""


def seeing_debugfs(process: RemoteProcess) -> RemoteProcess:
    """The process itself; one of root's mounts debugfs where the device shows no debug files.

    It does so in a mount namespace of its own, which nobody else sees, and which goes with the process, also
    where the run is killed. Of what others mount later the process sees what they share. Where the kernel
    refuses, nothing changes.
    """
    if process.uid != 0 or any(_exists(process, location) for location in LOCATIONS):
        return process
    with contextlib.suppress(OSError):
        process.syscall("unshare", CLONE_NEWNS)
        process.syscall("mount", b"", b"/", b"", MS_REC | MS_SLAVE, b"")
        process.syscall("mount", b"debugfs", PLACE.encode(), b"debugfs", 0, b"")
    return process


def _exists(process: RemoteProcess, path: str) -> bool:
    try:
        process.syscall("faccessat", AT_FDCWD, os.fsencode(path), os.F_OK)
    except OSError:
        return False
    return True
