"""How fast an embedded device boots, is restored and rolled back, and what several clones cost."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bench.rows import Figure, Row, in_turns, milliseconds
from bench.suite import WARM, Bench, Benchmark
from emulator.base.deadline import Deadline
from emulator.base.progress import reporting_to
from emulator.build.userland import busybox
from emulator.embedded.device import EmbeddedDevice, open_embedded
from emulator.embedded.image import archive_of
from emulator.embedded.qemu.machine import Hardware, Machine
from emulator.embedded.qemu.running_machine import READY
from emulator.embedded.snapshot import snapshot_of
from emulator.target import Target, parse_target
from harness.device.device import Device

COLD = parse_target("embedded?start=cold")
BARE_INIT = f"""#!/system/bin/busybox sh
echo '{READY}'
/system/bin/busybox poweroff -f
"""
CLONES = 4
TIME_LIMIT = 60.0


def _cold(bench: Bench) -> Iterator[Row]:
    """Against the same kernel with an init that only reports that it runs."""
    with tempfile.TemporaryDirectory() as scratch:
        bare = _bare(bench.controller.hardware, Path(scratch))
        booted, floor = in_turns(
            bench.rounds,
            [
                ("to adb", lambda: _to_adb(COLD)),
                ("bare kernel, minimal init", lambda: _boot(bare)),
            ],
        )
    yield Row("start.cold", "ms", booted, floor, most=1.3)


def _warm(bench: Bench) -> Iterator[Row]:
    """Against the time that QEMU itself takes to restore the snapshot."""
    hardware = bench.controller.hardware

    def roll_back() -> None:
        bench.device.rollback()
        assert bench.device.serial

    first_reply, restored, floor, rolled_back = in_turns(
        3 * bench.rounds,
        [
            ("to an agent's reply", _to_a_reply),
            ("to adb", lambda: _to_adb(WARM)),
            ("QEMU's restore, time and seed set", lambda: _restore(hardware)),
            ("to adb again", lambda: milliseconds(roll_back)),
        ],
    )
    yield Row("start.first-answer", "ms", first_reply, floor)
    yield Row("start.warm", "ms", restored, floor)
    yield Row("start.roll-back", "ms", rolled_back, floor)


def _fresh(bench: Bench) -> Iterator[Row]:
    """A device as it was at its start, for the next test: rolled back, against restarted."""

    def restart() -> None:
        device.controller.restart(Deadline(TIME_LIMIT))
        device.reset_after_reboot()

    with open_warm() as device:
        back, restarted = in_turns(
            bench.rounds,
            [
                ("rolled back", lambda: milliseconds(device.rollback)),
                ("restarted", lambda: milliseconds(restart)),
            ],
        )
    yield Row("start.fresh", "ms", back, restarted)


def open_warm() -> Device:
    """A device restored from the snapshot."""
    return Device(open_embedded(WARM))


def clones(bench: Bench, open_clone: Callable[[], Device] = open_warm) -> Iterator[Row]:
    """Several devices from one snapshot at once, against one; and the memory that each then uses."""
    usage: list[dict[str, float]] = []

    def start(stack: contextlib.ExitStack) -> Device:
        with reporting_to(lambda _: None):  # a new thread does not inherit the setting
            device = stack.enter_context(open_clone())
        assert device.serial
        return device

    def start_all() -> float:
        start_of_all = time.perf_counter()
        # The pool waits for all starts before the stack closes: after a failure, the others are closed, too.
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(CLONES) as pool:
            devices = list(pool.map(start, [stack] * CLONES))
            milliseconds_taken = _since(start_of_all)
            usage[:] = [_memory(device) for device in devices]
        return milliseconds_taken

    several, one = in_turns(
        bench.rounds,
        [
            (f"{CLONES} to adb", start_all),
            ("one to adb", lambda: _to_adb(WARM)),
        ],
    )
    yield Row("clones.start", "ms", several, one)
    whole = Figure("all of a device's", (float(bench.controller.hardware.memory_mib),))
    for name, field in (("private", "Private"), ("share of all", "Pss")):
        own = tuple(sum(size for key, size in each.items() if key.startswith(field)) for each in usage)
        yield Row(f"clones.memory, {name}", "MiB", Figure(f"each of {CLONES}, after its start", own), whole)


def _since(start: float) -> float:
    """Milliseconds since a start, taken before the device is closed."""
    return (time.perf_counter() - start) * 1000


def _to_adb(target: Target) -> float:
    start = time.perf_counter()
    with contextlib.closing(open_embedded(target)) as device:
        assert device.serial
        return _since(start)


def _to_a_reply() -> float:
    start = time.perf_counter()
    with Device(open_embedded(WARM)) as device:
        device.process().syscall("getpid")
        return _since(start)


def _bare(hardware: Hardware, directory: Path) -> Hardware:
    initramfs = directory / "initramfs"
    files = {"init": BARE_INIT.encode(), "system/bin/busybox": busybox(hardware.architecture).read_bytes()}
    initramfs.write_bytes(archive_of(files, {}))
    return replace(hardware, initramfs=initramfs, ports=0, waiting=())


def _boot(hardware: Hardware) -> float:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory, Machine(hardware, Path(directory)) as machine:
        machine.wait_until_ready(Deadline(TIME_LIMIT))
        return _since(start)


def _restore(hardware: Hardware) -> float:
    snapshot = snapshot_of(hardware)
    with tempfile.TemporaryDirectory() as directory:
        start = time.perf_counter()
        with snapshot.restore(Path(directory), deadline=Deadline(TIME_LIMIT)):
            return _since(start)


def _memory(device: Device) -> dict[str, float]:
    """QEMU's memory in MiB, by the names in smaps_rollup."""
    assert isinstance(device.controller, EmbeddedDevice)
    lines = Path(f"/proc/{device.controller.machine.process_id}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {key: int(words.split()[0]) / 1024 for key, _, words in (line.partition(":") for line in lines)}
    return {key: size for key, size in sizes.items() if key in ("Private_Clean", "Private_Dirty", "Pss")}


BENCHMARKS = [
    Benchmark("start.cold", _cold),
    Benchmark("start.warm", _warm),
    Benchmark("start.fresh", _fresh),
    Benchmark("clones", clones),
]
