"""Devices described in a file: the embedded one among them, and those that do not start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.base.architecture import X86_64
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError
from emulator.embedded.archive import Archive
from emulator.embedded.image import embedded_image
from emulator.embedded.kernel.command_line import kernel_arguments
from emulator.embedded.qemu.running_machine import READY
from emulator.kinds.image import ImageDevice, open_image
from emulator.target import parse_target
from harness.device.device import open_device

WITHIN = 90.0

LOOP = b"#!/system/bin/busybox sh\nexec /system/bin/busybox reboot -f\n"


def described(directory: Path, *, arguments: tuple[str, ...] = (), lines: str = "") -> str:
    """The target of a file that describes the embedded device, with some more arguments and lines."""
    image = embedded_image()
    (directory / "kernel").symlink_to(image.kernel.image)
    if not (directory / "initramfs").exists():
        (directory / "initramfs").symlink_to(image.initramfs)
    file = directory / "device.toml"
    file.write_text(
        f"""
kernel = "kernel"
initramfs = "initramfs"
arguments = {json.dumps([*kernel_arguments(X86_64), *arguments])}
memory = 512
{lines}
"""
    )
    return f"image:{file}"


def test_the_embedded_device_can_be_described(tmp_path: Path) -> None:
    (tmp_path / "disk, one").write_bytes(bytes(1 << 20))
    lines = f"""
ready_line = "{READY}"
ready_property = "sys.boot_completed=1"
[[disk]]
file = "disk, one"
"""
    with open_device(described(tmp_path, lines=lines)) as device:
        assert device.controller.disposable
        assert device.facts.free_binder_device == "/dev/vndbinder"
        assert "0x0002" in device.shell("cat /sys/bus/virtio/devices/*/device").split()  # a disk
        device.controller.restart(Deadline(WITHIN))
        assert device.shell("getprop ro.product.device") == "embedded"


def test_one_that_trusts_nobody_is_shown_with_what_fixes_it(tmp_path: Path) -> None:
    archive = Archive()
    archive.file("system/build.prop", b"ro.adb.secure=1\n")
    (tmp_path / "initramfs").write_bytes(embedded_image().initramfs.read_bytes() + archive.finish())
    target = described(tmp_path, lines=f'ready_line = "{READY}"')
    with pytest.raises(DeviceLostError, match=r"does not trust this machine's adb key.*ro\.adb\.secure=0"):
        open_image(parse_target(target), Deadline(WITHIN))


def test_endless_restarts_are_distinguished_from_slowness(tmp_path: Path) -> None:
    archive = Archive()
    archive.file("loop", LOOP, mode=0o755)
    (tmp_path / "initramfs").write_bytes(embedded_image().initramfs.read_bytes() + archive.finish())
    target = described(tmp_path, arguments=("rdinit=/loop",), lines=f'ready_line = "{READY}"')
    with pytest.raises(DeviceLostError, match=r"keeps restarting: \d+ times"):
        open_image(parse_target(target), Deadline(WITHIN))


def test_a_device_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def once_all_is_written(device: ImageDevice, deadline: Deadline) -> None:
        assert device.machine.console.wait_for(READY, deadline=deadline)
        wait_until_ready(device, Deadline(0.0))

    wait_until_ready = ImageDevice.wait_until_ready
    monkeypatch.setattr(ImageDevice, "wait_until_ready", once_all_is_written)
    target = described(tmp_path, lines='ready_line = "what is never written"')
    with pytest.raises(DeviceLostError, match="not within 0 s: it is too slow, or it hangs") as lost:
        open_image(parse_target(target), Deadline(WITHIN))
    assert READY in str(lost.value)


def test_one_without_an_init_has_panicked(tmp_path: Path) -> None:
    target = described(tmp_path, arguments=("rdinit=/absent", "root=/dev/absent"))
    with pytest.raises(DeviceLostError, match="panicked"):
        open_image(parse_target(target), Deadline(WITHIN))
