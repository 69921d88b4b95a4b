"""Which of the things that a run needs this machine has, and what fixes the rest."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from emulator.adb.server import answers, server_port
from emulator.base.errors import SetupError
from emulator.base.prerequisites import KVM, PREREQUISITES, Prerequisite, install_command, missing
from emulator.cache.maintenance import entries
from emulator.cache.root import cache_root

NEEDED_BYTES = 400 * 1024 * 1024


@dataclass(frozen=True)
class Check:
    """One thing checked: its name, whether it suffices, what was found, and the command that fixes it."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    present: bool = True
    """False for what is not there, and which no run on the embedded device needs."""


def checks() -> list[Check]:
    """Everything a run needs on this machine, checked without starting anything."""
    found = [_prerequisite(prerequisite) for prerequisite in PREREQUISITES]
    return [*found, _cache(), _kvm(), _adb_server()]


def _prerequisite(wanted: Prerequisite) -> Check:
    name = wanted.program or wanted.package
    if wanted.present:
        return Check(name, True, wanted.purpose)
    fix = install_command([wanted.package])
    if wanted in missing():
        return Check(name, False, wanted.purpose, fix)
    devices = " and ".join(architecture.target_name for architecture in wanted.architectures)
    detail = f"{wanted.purpose}; needed only for {devices} devices: {fix}"
    return Check(name, True, detail, present=False)


def _cache() -> Check:
    try:
        root = cache_root()
    except SetupError as error:
        return Check("cache", False, str(error), "export BINDER_HARNESS_CACHE=DIRECTORY")
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        detail = f"{root} has {free >> 20:,} MiB free; a kernel, its programs and a snapshot take 400 MiB"
        return Check("cache", False, detail, "binder-harness cache --clear")
    held = len(entries())
    if not held:
        return Check("cache", True, f"{root} is empty; the first run fills it")
    entries_held = "1 entry; its size" if held == 1 else f"{held} entries; their sizes"
    return Check("cache", True, f"{root} has {entries_held}: `binder-harness cache`")


def _kvm() -> Check:
    if os.access(KVM, os.R_OK | os.W_OK):
        return Check(
            "kvm", True, f"{KVM} can be opened; a trial shows whether it can run the device's kernel"
        )
    return Check("kvm", True, f"{KVM} cannot be opened: the device runs under emulation")


def _adb_server() -> Check:
    port = server_port()
    running = "runs and is used" if answers(port) else "does not run; a run starts one and ends it"
    return Check("adb server", True, f"port {port}: {running}")
