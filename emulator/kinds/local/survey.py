"""What a machine has for Binder: its driver and its binder devices, by any name, and what would help."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.base.command import script
from emulator.base.errors import SetupError
from emulator.host.host import Host, check_output

ANSWERS_WITHIN = 30.0
CONTROL = "binder-control"
"""What makes devices in a binderfs (drivers/android/binderfs.c)."""
SERVICE_MANAGERS = "binder"
"""The device that Android's servicemanager takes: an experiment takes it last."""
INITIAL_PROCESSES = "pid:[4026531836]"
"""The namespace of the whole machine's processes (include/linux/proc_ns.h, PROC_PID_INIT_INO).

A kernel without CONFIG_PID_NS has no other, and shows none.
"""
NAMED_BY = {
    "anbox": "Waydroid's or Anbox's",
    "bonder": "Waydroid's",
    "puddlejumper": "Waydroid's on SailfishOS",
}
"""Whose a device is by a part of its name (Waydroid, tools/helpers/drivers.py)."""
LOAD = "sudo modprobe binder_linux devices=binder,hwbinder,vndbinder"


@dataclass(frozen=True)
class Survey:
    """What the machine showed to the user who asked."""

    release: str
    """As `uname -r` prints it."""
    user: int
    own_processes: bool
    """Whether it is a container with a PID namespace of its own."""
    driver: bool
    """Whether the driver is there: loaded, or built in."""
    binderfs: bool
    """Whether binderfs can be mounted."""
    mounts: tuple[str, ...]
    """Where binderfs is mounted."""
    open_devices: tuple[str, ...]
    """Binder devices that the user may read and write."""
    closed_devices: tuple[str, ...]
    """Those that the user may not."""
    module: str | None
    """The file of the driver's module for this kernel."""
    directory: bool
    """Whether /dev/binder is a directory."""

    @property
    def root(self) -> bool:
        """Whether the user is root."""
        return self.user == 0

    @property
    def devices(self) -> tuple[str, ...]:
        """All of its binder devices, that of service managers last."""
        found = {*self.open_devices, *self.closed_devices}
        return tuple(sorted(found, key=lambda path: (os.path.basename(path) == SERVICE_MANAGERS, path)))

    @property
    def copyable(self) -> tuple[str, ...]:
        """Devices that open under any name: not those of a binderfs, which are known by their file system."""
        mounted = tuple(f"{directory}/" for directory in self.mounts)
        return tuple(path for path in self.devices if not path.startswith(mounted))


def survey(host: Host) -> Survey:
    """Look at a machine, and change nothing; SetupError where it does not answer."""
    return parse_survey(check_output(host, script(__file__, "survey.sh"), ANSWERS_WITHIN))


def parse_survey(output: str) -> Survey:
    """The survey that survey.sh printed; SetupError where it did not run to its end."""
    lines = [tuple(line.partition(" ")[::2]) for line in output.splitlines()]

    def values(key: str) -> tuple[str, ...]:
        found = (value for name, value in lines if name == key)
        return tuple(dict.fromkeys(value for value in found if os.path.basename(value) != CONTROL))

    def value(key: str) -> str:
        return next(iter(values(key)), "")

    user = value("user")
    if not re.fullmatch(r"[0-9]{1,10}", user):
        raise SetupError(f"The machine shows no user's number, but {user[:100]!r}. Does `id -u` work there?")
    return Survey(
        release=value("release"),
        user=int(user),
        own_processes=value("processes") not in ("", INITIAL_PROCESSES),
        driver=bool(values("driver") or values("binderfs")),
        binderfs=bool(values("binderfs")),
        mounts=values("mounted"),
        open_devices=values("open"),
        closed_devices=values("closed"),
        module=value("loadable") or None,
        directory=bool(values("directory")),
    )


UBUNTU = re.compile(
    r"\d+\.\d+\.\d+-\d+-(?:generic|lowlatency|realtime|aws|azure|gcp|gke|ibm|intel|kvm|nvidia|oem|oracle|raspi)\b.*"
)
"""Releases of Ubuntu's kernels, by their flavours."""


def obstacle(found: Survey, *, root: bool) -> str:
    """Why the machine cannot be used, with root or without, and what to do; empty where it can."""
    if found.own_processes:
        return (
            "This is a container with a PID namespace of its own, while the driver's debug files and the "
            "kernel's traces have the PIDs of the whole machine. Run it on the machine itself, or in a "
            "container that shares its namespace (`docker run --privileged --pid=host`)."
        )
    if found.open_devices or (root and (found.devices or found.binderfs)):
        return ""
    if found.devices:
        return (
            f"User {found.user} may open none of the binder devices ({', '.join(found.devices)}). Run it as "
            "root, or allow sudo: --target 'local?root=allowed'."
        )
    if found.binderfs:
        return (
            "There is no binder device, and only root may mount a binderfs to make one. Run it as root, or "
            "allow sudo: --target 'local?root=allowed'."
        )
    return f"There is no binder device: {_missing_driver(found)}"


def _missing_driver(found: Survey) -> str:
    directory = "/dev/binder is a directory in which no binderfs is mounted; " if found.directory else ""
    if found.driver:
        return (
            f"{directory}the driver was loaded without any, and cannot be unloaded. Restart the machine, "
            f"and load it with them:\n  {LOAD}"
        )
    if found.module is not None:
        return f"{directory}the kernel's module binder_linux is not loaded. Load it:\n  {LOAD}"
    return (
        f"{directory}Linux {found.release} here has neither the driver nor its module binder_linux. "
        f"{_where_from(found.release)} Without it there is `--target embedded`, which boots a kernel that "
        "has it."
    )


def _where_from(release: str) -> str:
    """How this kernel gets the driver, as far as its release shows whose it is."""
    if UBUNTU.fullmatch(release):
        return f"The package linux-modules-extra-{release} of Ubuntu has it."
    if re.search(r"-cloud-(?:amd64|arm64)", release):
        kernel = "linux-image-" + release.rpartition("-")[2]
        return f"Debian's kernels have it, apart from those for clouds, such as this one: install {kernel}."
    if re.search(r"-(?:amd64|arm64|686)", release):
        return "Debian's kernels have it: is this one's package (linux-image-…) installed whole?"
    return (
        "Its configuration needs CONFIG_ANDROID_BINDER_IPC and CONFIG_ANDROID_BINDERFS; the kernels of "
        "Debian have them, and those of Ubuntu with the package linux-modules-extra-RELEASE."
    )


def description(found: Survey) -> str:
    """What it has, in a line."""
    parts = [f"Linux {found.release}"]
    if found.devices:
        parts.append(f"binder devices {', '.join(map(_with_owner, found.devices))}")
    if found.mounts:
        parts.append(f"binderfs at {', '.join(found.mounts)}")
    elif found.binderfs:
        parts.append("binderfs, not mounted")
    return "; ".join(parts)


def _with_owner(path: str) -> str:
    owners: Iterable[str] = (owner for part, owner in NAMED_BY.items() if part in os.path.basename(path))
    owner = next(iter(owners), "")
    return f"{path} ({owner})" if owner else path
