"""Decides between KVM and QEMU's own emulation by a trial: a KVM that opens may still not run this kernel."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from emulator.cache import cache_root
from emulator.deadline import Deadline
from emulator.embedded.image import Image
from emulator.embedded.machine import Hardware, Machine
from emulator.errors import DeviceLostError, SetupError
from emulator.progress import say, step
from emulator.run_directory import run_directory

KVM = Path("/dev/kvm")
TRIAL_SECONDS = 15.0
"""A kernel that runs under KVM at all is up well within this."""


def choose_acceleration(wanted: str, image: Image) -> str:
    """`kvm` or `tcg`: as wanted, or for `auto` whatever a trial boot of this image showed on this machine.

    The trial's outcome is remembered until the machine boots again or the kernel changes.
    """
    if wanted != "auto":
        return wanted
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg"
    record = cache_root() / "acceleration.json"
    situation = f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {image.kernel.package}"
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(record.read_text())
        if known.get("situation") == situation:
            return str(known["acceleration"])
    acceleration = "kvm" if _kvm_runs(image) else "tcg"
    record.write_text(json.dumps({"situation": situation, "acceleration": acceleration}))
    return acceleration


def _kvm_runs(image: Image) -> bool:
    with run_directory() as directory, step("trying KVM"):
        hardware = Hardware(kernel=image.kernel.image, initramfs=image.initramfs, acceleration="kvm")
        try:
            with Machine(hardware, directory) as machine:
                machine.wait_until_ready(deadline=Deadline(TRIAL_SECONDS))
        except (DeviceLostError, SetupError) as error:
            say(f"KVM cannot run this kernel here: {str(error).splitlines()[0]} Using emulation.")
            return False
    return True
