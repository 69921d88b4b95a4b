"""A device's cold start against what people would start instead, with the same kernel and QEMU."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Row, in_turns, milliseconds
from bench.starts import COLD, TIME_LIMIT
from bench.suite import WARM, Bench, Benchmark
from emulator.base.errors import HarnessError
from emulator.build.userland import busybox
from emulator.cache.packages import unpack
from emulator.embedded.device import open_embedded
from emulator.embedded.kernel.debian_kernels import DEFAULT_PAGES, DEFAULT_VERSION, DebianKernel
from emulator.embedded.kernel.suites import find_packages
from emulator.embedded.qemu.machine import ACCELERATORS
from emulator.target import Target
from harness.device.device import Device

PROGRAM = "virtme-run"
FIRST_COMMAND = "echo started"
TO_THE_CONSOLE = "echo '<0>started' > /dev/kmsg"
"""The same for virtme-ng, where what a terminal still holds is lost when the machine switches itself off."""
ON_THE_CONSOLE = "] started"
EMULATED = ("--disable-kvm", "--qemu-opt=-accel", f"--qemu-opt={ACCELERATORS['tcg']}")
"""As ours: with a thread for each processor, a kernel panics now and then."""


def _beside_virtme_ng(bench: Bench) -> Iterator[Row]:
    """From nothing to the end of a first command: ours, booted or restored, and virtme-ng's."""
    program = shutil.which(PROGRAM, path=str(Path(sys.executable).parent)) or shutil.which(PROGRAM)
    if program is None:
        raise HarnessError("virtme-ng is not installed: pip install --editable '.[bench]'")
    with tempfile.TemporaryDirectory() as scratch:
        command = [program, *_options(bench, Path(scratch)), "--script-sh", TO_THE_CONSOLE]
        _run(command)  # the first time, it sorts the kernel's modules
        booted, restored, virtme = in_turns(
            bench.rounds,
            [
                ("booted", lambda: milliseconds(lambda: _start(COLD))),
                ("restored", lambda: milliseconds(lambda: _start(WARM))),
                ("virtme-ng", lambda: milliseconds(lambda: _run(command))),
            ],
        )
    yield Row("start.virtme-ng, cold", "ms", booted, virtme, most=1)
    yield Row("start.virtme-ng, warm", "ms", restored, virtme, most=1)


def _start(target: Target) -> None:
    with Device(open_embedded(target)) as device:
        device.shell(FIRST_COMMAND)


def _options(bench: Bench, directory: Path) -> list[str]:
    """The kernel of the shared device, with the modules that virtme-ng needs, and as much of a machine."""
    hardware = bench.controller.hardware
    architecture = hardware.architecture
    kernel = DebianKernel(DEFAULT_VERSION, architecture.target_name, DEFAULT_PAGES)
    found = find_packages(kernel, architecture)
    unpack(found.record, found.packages, directory, architecture, found.suites)
    (image,) = directory.glob("boot/vmlinu[xz]-*")
    return [
        *("--kimg", str(image), "--mods", "auto", "--busybox", str(busybox(architecture))),
        "--show-boot-console",  # else nothing shows that the command ran: its output arrives nowhere else
        *("--memory", f"{hardware.memory_mib}M", "--cpus", str(hardware.processors)),
        *(EMULATED if hardware.acceleration == "tcg" else ()),
    ]


def _run(command: list[str]) -> None:
    """Run its command; HarnessError unless that wrote what it does."""
    with tempfile.TemporaryFile() as output, contextlib.ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        )
        stack.callback(process.kill)
        try:
            process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise HarnessError(f"{PROGRAM} did not end within {TIME_LIMIT:g} s") from error
        output.seek(0)
        shown = output.read().decode(errors="replace")
    if ON_THE_CONSOLE not in shown:
        raise HarnessError(f"{PROGRAM} did not run its command: {shown[-500:]}")


BENCHMARKS = [Benchmark("start.virtme-ng", _beside_virtme_ng)]
