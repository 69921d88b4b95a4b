"""What is put on a device by an agent's system calls."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.device.device import Device
from harness.framework.java.put import PIECE, put_directories


@pytest.fixture
def place(device: Device) -> Iterator[str]:
    """A directory on the device, with room for a little more than a piece."""
    path = f"{device.directory}/put"
    device.shell(f"mkdir -p {path} && mount -t tmpfs -o size={PIECE + (1 << 20)} tmpfs {path}")
    yield path
    device.shell(["umount", path])


def test_directories_arrive_as_one_with_modes_and_without_times(
    device: Device, place: str, tmp_path: Path
) -> None:
    long = bytes(range(256)) * (PIECE // 256) + b"the end"
    for name, content, mode in (
        ("a/lib/long", long, 0o644),
        ("b/lib/empty", b"", 0o600),
        ("b/run", b"#", 0o755),
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
    with device.process() as process:
        put_directories(process, [tmp_path / "a", tmp_path / "b"], f"{place}/all")

    assert device.files.read_bytes(f"{place}/all/lib/long") == long
    listed = device.shell(f"cd {place}/all && stat -c '%n %s %a %Y' run lib/long lib/empty")
    assert listed.splitlines() == ["run 1 755 0", f"lib/long {len(long)} 644 0", "lib/empty 0 600 0"]


def test_a_full_device_is_an_error_and_what_was_there_is_replaced(
    device: Device, place: str, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(PIECE + (2 << 20)))
    with device.process() as process:
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            put_directories(process, [tmp_path], place)
        (tmp_path / "large").write_bytes(b"small")
        put_directories(process, [tmp_path], place)
    assert device.files.read_bytes(f"{place}/large") == b"small"
