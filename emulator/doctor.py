"""What this machine has of what a run needs, and what mends the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass

from emulator.adb_server import answers, server_port
from emulator.cache import cache_root
from emulator.embedded.acceleration import KVM
from emulator.errors import SetupError
from emulator.prerequisites import PREREQUISITES, install_command


@dataclass(frozen=True)
class Check:
    """One thing looked at: what it is, whether it will do, what was found, and the command that mends it."""

    name: str
    ok: bool
    detail: str
    mend: str = ""


def checks() -> list[Check]:
    """Everything a run needs of this machine, without starting anything."""
    found = [
        Check(
            prerequisite.program or prerequisite.package,
            prerequisite.present,
            prerequisite.purpose,
            "" if prerequisite.present else install_command([prerequisite.package]),
        )
        for prerequisite in PREREQUISITES
    ]
    return [*found, _cache(), _kvm(), _adb_server()]


def _cache() -> Check:
    try:
        root = cache_root()
    except SetupError as error:
        return Check("cache", False, str(error), "export BINDER_HARNESS_CACHE=DIRECTORY")
    entries = sorted(entry.name for entry in root.iterdir() if (entry / "MANIFEST.json").exists())
    return Check("cache", True, f"{root} holds {', '.join(entries) or 'nothing yet; the first run fills it'}")


def _kvm() -> Check:
    if os.access(KVM, os.R_OK | os.W_OK):
        return Check("kvm", True, f"{KVM} opens; a trial decides whether it can run the device's kernel")
    return Check("kvm", True, f"{KVM} does not open: the device runs under emulation")


def _adb_server() -> Check:
    port = server_port()
    running = (
        "runs and is used" if answers(port) else "does not run; one is started for the run and ended after it"
    )
    return Check("adb server", True, f"port {port}: {running}")
