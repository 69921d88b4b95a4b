"""Decides between KVM and QEMU's own emulation by a trial: a KVM that opens may still not run this kernel."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from pathlib import Path

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, UsageError
from emulator.base.progress import report, step
from emulator.cache.run_directory import run_directory
from emulator.cache.store import cache_root
from emulator.embedded.image import Image
from emulator.embedded.qemu.board import kernel_arguments
from emulator.embedded.qemu.machine import Hardware, Machine

KVM = Path("/dev/kvm")
TRIAL_SECONDS = 15.0
"""A kernel that runs under KVM at all is up well within this."""


def choose_acceleration(wanted: str, image: Image) -> str:
    """`kvm` or `tcg`: as wanted, or for `auto` whatever a trial boot of this image showed on this machine.

    The trial's outcome is remembered for each kernel until the machine boots again.
    """
    native = image.kernel.architecture == platform.machine()
    if wanted == "kvm" and not native:
        raise UsageError(
            f"KVM runs no {image.kernel.architecture} kernel on this {platform.machine()} machine: "
            "write acceleration=tcg, or nothing."
        )
    if wanted != "auto":
        return wanted
    if not native or not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    record = cache_root() / "acceleration.json"
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(record.read_text())
    if not isinstance(known, dict) or known.get("boot") != boot:
        known = {"boot": boot}
    if image.kernel.origin not in known:
        known[image.kernel.origin] = "kvm" if _kvm_runs(image) else "tcg"
        record.write_text(json.dumps(known, indent=1))
    return known[image.kernel.origin]


def _kvm_runs(image: Image) -> bool:
    with run_directory() as directory, step("trying KVM"):
        hardware = Hardware(
            kernel=image.kernel.image,
            initramfs=image.initramfs,
            architecture=image.kernel.architecture,
            acceleration="kvm",
            kernel_arguments=kernel_arguments(image.kernel.architecture),
        )
        try:
            with Machine(hardware, directory) as machine:
                machine.wait_until_ready(Deadline(TRIAL_SECONDS))
        except (DeviceLostError, SetupError) as error:
            report(f"KVM cannot run this kernel here: {str(error).splitlines()[0]}\nUsing emulation.")
            return False
    return True
