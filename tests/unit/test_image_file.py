from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.embedded.machine import Disk, Hardware
from emulator.errors import UsageError
from emulator.image_file import EXAMPLE, read_description


def written(directory: Path, text: str) -> Path:
    for name in ("bzImage", "ramdisk.img", "system.img"):
        (directory / name).touch()
    file = directory / "device.toml"
    file.write_text(text)
    return file


def test_the_example_is_what_it_says(tmp_path: Path) -> None:
    description = read_description(written(tmp_path, EXAMPLE))
    assert description.hardware == Hardware(
        kernel=tmp_path / "bzImage",
        initramfs=tmp_path / "ramdisk.img",
        disks=(Disk(tmp_path / "system.img", "raw"),),
        memory_mib=2048,
        processors=2,
        acceleration="auto",
        kernel_arguments=("console=ttyS0",),
        adbd_port=5555,
    )
    assert description.ready_line == "boot completed"
    assert description.ready_property == ("sys.boot_completed", "1")
    assert description.start_seconds == 300


def test_a_disk_alone_is_enough(tmp_path: Path) -> None:
    description = read_description(written(tmp_path, '[[disk]]\nfile = "system.img"'))
    assert description.hardware.kernel is None
    assert (description.ready_line, description.ready_property) == (None, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither a kernel nor a disk"),
        ('kernal = "bzImage"', "there is no key 'kernal'"),
        ('kernel = "absent"', "there is no file .*absent"),
        ('kernel = "bzImage"\nmemory = "2G"', "memory is of type int, not str"),
        ('kernel = "bzImage"\nmemory = true', "memory is of type int, not bool"),
        ('kernel = "bzImage"\nmemory = 0', "memory is more than 0"),
        ('kernel = "bzImage"\narguments = [1]', "list of strings"),
        ('kernel = "bzImage"\nacceleration = "hvf"', "auto, kvm or tcg"),
        ('kernel = "bzImage"\nready_property = "up"', "NAME=VALUE"),
        ("disk = [1]", r"write \[\[disk\]\]"),
        ('[[disk]]\nformat = "raw"', "lacks its file"),
        ("kernel =", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_with_all_that_may_stand_there(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_description(written(tmp_path, text))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.toml cannot be read"):
        read_description(tmp_path / "absent.toml")


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_description_or_a_usage_error(tmp_path: Path, text: str) -> None:
    with contextlib.suppress(UsageError):
        read_description(written(tmp_path, text))
