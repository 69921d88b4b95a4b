"""What libbinder and the service managers write when they cannot start, and what that means.

Sources: frameworks/native/libs/binder (ProcessState.cpp, Android 4 to 16), and
frameworks/native/cmds/servicemanager.
"""

from __future__ import annotations

import re

from harness.binder.refusals.commands import MANAGER_TAKEN
from harness.binder.refusals.refusal import Refusal

_NO_DEVICE = Refusal(
    meaning="the process cannot open its binder device, without which libbinder ends it: there is no such "
    "file, or the process may not.",
    at_fault="the device's set-up: the kernel lacks the driver, or binderfs is not mounted where the "
    "process looks",
    decided_by="CONFIG_ANDROID_BINDER_IPC, CONFIG_ANDROID_BINDER_DEVICES or a mounted binderfs; the file's "
    "mode, and SELinux",
    look_at="`ls -lZ /dev/binder* /dev/binderfs`, /proc/filesystems, and `avc: denied` for this process; on "
    "a machine of yours `binder-harness doctor`",
    claims=("node.misc",),
)

START_LINES: tuple[tuple[re.Pattern[str], Refusal], ...] = (
    (
        re.compile(
            r"Opening '/dev/\S*binder\S*' failed: |Binder driver '?\S* ?could not be opened|"
            r"Can't open binder driver|cannot open (?:device|/dev/\S*binder)"
        ),
        _NO_DEVICE,
    ),
    (
        re.compile(r"[Bb]inder driver protocol ?(?:\(\d+\) does not match|mismatch)|driver version differs"),
        Refusal(
            meaning="the driver speaks another version of the protocol than this libbinder: 7 with 32-bit "
            "and 8 with 64-bit pointers.",
            at_fault="neither: kernel and user space were built for different versions",
            decided_by="CONFIG_ANDROID_BINDER_IPC_32BIT of kernels before 4.20, and how libbinder was built",
            look_at="the kernel's configuration; later kernels speak version 8 alone",
            claims=("proto.version",),
        ),
    ),
    (
        re.compile(r"unable to mmap transaction memory|cannot map device"),
        Refusal(
            meaning="the process could not map its binder file, so it can receive nothing.",
            at_fault="the process, which has no address space left or maps it a second time",
            decided_by="RLIMIT_AS, the address space of a 32-bit process, and whether the file is mapped "
            "already",
            look_at="/proc/PID/maps, and `binder_mmap` in the kernel log",
            claims=("mmap.once", "mmap.opener-only"),
        ),
    ),
    (
        re.compile(r"ioctl to become context manager failed|cannot become context manager"),
        MANAGER_TAKEN,
    ),
)
"""Forms of lines with their meaning."""
