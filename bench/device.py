"""How fast an embedded device starts, comes back and answers, and what memory each takes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Figure, Row, in_turns, milliseconds
from emulator.deadline import Deadline
from emulator.embedded.device import EmbeddedDevice, open_embedded
from emulator.embedded.image import archive_of, embedded_image
from emulator.embedded.machine import READY, Hardware, Machine
from emulator.embedded.snapshot import snapshot_of
from emulator.embedded.userland import busybox
from emulator.progress import reporting_to
from emulator.target import parse_target
from harness.device import Device

BARE_INIT = f"""#!/system/bin/busybox sh
echo '{READY}'
/system/bin/busybox poweroff -f
"""
CLONES = 3
TRIPS = 300
WITHIN = 60.0


def device_rows(rounds: int) -> Iterator[Row]:
    """Starts, roll back, round trips and memory."""
    warm, cold = parse_target("embedded"), parse_target("embedded?start=cold")
    open_embedded(warm).close()  # makes what is made once
    with Device(open_embedded(warm)) as device, tempfile.TemporaryDirectory() as scratch:
        assert isinstance(device.life_line, EmbeddedDevice)
        hardware = device.life_line.hardware
        bare = _bare(hardware, Path(scratch))
        booted, floor = in_turns(
            rounds,
            [
                ("to adb", lambda: milliseconds(lambda: open_embedded(cold).close())),
                ("bare kernel, init that says so", lambda: milliseconds(lambda: _boot(bare))),
            ],
        )
        yield Row("cold boot", "ms", booted, floor, most=1.3)
        restored, own, rolled_back = in_turns(
            5 * rounds,
            [
                ("to adb", lambda: milliseconds(lambda: open_embedded(warm).close())),
                ("QEMU's restore, time and seed set", lambda: milliseconds(lambda: _restore(hardware))),
                ("to adb again", lambda: milliseconds(device.rollback)),
            ],
        )
        yield Row("warm start", "ms", restored, own)
        yield Row("roll back", "ms", rolled_back, own)
        yield _round_trips(device, 5 * rounds)
    yield from _memory()


def _bare(hardware: Hardware, directory: Path) -> Hardware:
    initramfs = directory / "initramfs"
    files = {"init": BARE_INIT.encode(), "system/bin/busybox": busybox().read_bytes()}
    initramfs.write_bytes(archive_of(files, {}))
    return Hardware(
        kernel=embedded_image().kernel.image,
        initramfs=initramfs,
        memory_mib=hardware.memory_mib,
        processors=hardware.processors,
        acceleration=hardware.acceleration,
        kernel_arguments=hardware.kernel_arguments,
    )


def _boot(hardware: Hardware) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        Machine(hardware, Path(directory)) as machine,
    ):
        machine.wait_until_ready(deadline=Deadline(WITHIN))


def _restore(hardware: Hardware) -> None:
    with tempfile.TemporaryDirectory() as directory:
        snapshot_of(hardware).restore(Path(directory), deadline=Deadline(WITHIN)).close()


def _round_trips(device: Device, rounds: int) -> Row:
    """An agent's system call over virtio-serial, beside an echo of as many bytes on another port."""
    assert isinstance(device.life_line, EmbeddedDevice)
    echo = device.life_line.machine.ports.run(["/system/bin/cat"])
    assert echo is not None
    with device.process() as process, contextlib.closing(echo):

        def trip() -> None:
            echo.send(bytes(32))
            size = 0
            while size < 32:
                size += len(echo.receive(32))

        calls, echoes = in_turns(
            rounds * TRIPS // 5,
            [
                ("getppid by an agent", lambda: milliseconds(lambda: process.syscall("getppid"))),
                ("cat on a port", lambda: milliseconds(trip)),
            ],
        )
    return Row("round trip", "ms", calls, echoes, most=1.3)


def _memory() -> Iterator[Row]:
    """Private memory of QEMU for each of several clones."""
    with contextlib.ExitStack() as stack:
        clones = [stack.enter_context(Device(open_embedded(parse_target("embedded")))) for _ in range(CLONES)]
        for clone in clones:
            clone.files.read_text("/proc/version")
        usage = [_smaps_rollup(clone) for clone in clones]
    for name, field in (("private", "Private"), ("proportional set", "Pss")):
        figures = tuple(sum(size for key, size in each.items() if key.startswith(field)) for each in usage)
        yield Row(f"memory of a clone, {name}", "MiB", Figure(f"{CLONES} at once", figures))


def _smaps_rollup(device: Device) -> dict[str, float]:
    assert isinstance(device.life_line, EmbeddedDevice)
    pid = device.life_line.machine.process_id
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {key: int(words.split()[0]) / 1024 for key, _, words in (line.partition(":") for line in lines)}
    return {key: size for key, size in sizes.items() if key in ("Private_Clean", "Private_Dirty", "Pss")}


def quiet_rows(rounds: int) -> Iterator[Row]:
    """The rows, without the progress of each start."""
    with reporting_to(lambda _: None):
        yield from device_rows(rounds)
