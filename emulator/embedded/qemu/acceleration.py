"""Decides between KVM and QEMU's emulation by a trial boot: not every accessible KVM runs a kernel."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from pathlib import Path

from emulator.base.atomic_write import write_atomically
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, UsageError
from emulator.base.prerequisites import KVM
from emulator.base.progress import report, step
from emulator.cache.root import cache_root
from emulator.cache.run_directory import run_directory
from emulator.embedded.image import Image
from emulator.embedded.kernel.command_line import kernel_arguments
from emulator.embedded.qemu.machine import Hardware, Machine

TRIAL_SECONDS = 15.0
"""A kernel that KVM can run boots well within this time."""


def choose_acceleration(wanted: str, image: Image) -> str:
    """`kvm` or `tcg`: as wanted or, for `auto`, whichever a trial boot of this image finds on this machine.

    The result of the trial is recorded for each kernel until this machine reboots. Raises UsageError where
    `kvm` is wanted for another architecture than this machine's.
    """
    architecture = image.kernel.architecture
    if wanted == "kvm" and not architecture.native:
        raise UsageError(
            f"KVM cannot run a kernel for {architecture} on this {platform.machine()} machine. "
            "Use acceleration=tcg, or omit the option."
        )
    if wanted != "auto":
        return wanted
    if not architecture.native or not os.access(KVM, os.R_OK | os.W_OK):
        return "tcg"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    record = cache_root() / "acceleration.json"
    results: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        results = json.loads(record.read_text())
    if not isinstance(results, dict) or results.get("boot") != boot:
        results = {"boot": boot}
    if image.kernel.origin not in results:
        results[image.kernel.origin] = "kvm" if _kvm_runs(image) else "tcg"
        write_atomically(record, json.dumps(results, indent=1))
    return results[image.kernel.origin]


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
