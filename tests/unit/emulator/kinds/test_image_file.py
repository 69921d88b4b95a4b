from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from emulator.embedded.qemu.machine import Disk, Hardware
from emulator.kinds.image_file import EXAMPLE, read_description


def written(directory: Path, text: str) -> Path:
    for name in ("bzImage", "ramdisk.img", "system.img"):
        (directory / name).touch()
    file = directory / "device.toml"
    file.write_text(text)
    return file


def test_the_example_is_read(tmp_path: Path) -> None:
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
    ("text", "message"),
    [
        ("", ": it names neither a kernel nor a disk"),
        ('kernal = "bzImage"', r", line 1: there is no key 'kernal'\. Did you mean kernel\?\n"),
        ('kernel = "bzImage"\n\nfont = 3', r", line 3: there is no key 'font'\.\n"),
        ('kernel = "bzImage"\n[machine]\nmemory = 1', ", line 2: there is no key 'machine'"),
        ('kernel = "absent"', ", line 1: there is no file .*absent"),
        (f'kernel = "{"long" * 100}"', ", line 1: there is no file .*long"),
        ('kernel = "bzImage"\nmemory = "2G"', ", line 2: memory takes a whole number, not a string"),
        ('kernel = "bzImage"\nmemory = true', ", line 2: memory takes a whole number, not a Boolean"),
        ('kernel = "bzImage"\nmemory = 0', ", line 2: memory must be more than 0, not 0"),
        ('kernel = "bzImage"\nready_line = 2026-11-21', "a string, not a date"),
        ('kernel = "bzImage"\narguments = [1]', ", line 2: arguments is an array of strings"),
        ('kernel = "bzImage"\nacceleration = "kmv"', r"auto, kvm or tcg, not 'kmv'\. Did you mean kvm\?"),
        (
            'kernel = "bzImage"\narchitecture = "arm64"',
            r"x86_64 or aarch64, not 'arm64'\. Did you mean aarch64\?",
        ),
        ('kernel = "bzImage"\nready_property = "up"', ", line 2: ready_property is NAME=VALUE, not 'up'"),
        ("disk = [1]", r", line 1: .* write \[\[disk\]\]"),
        ('[disk]\nfile = "system.img"', r", line 1: .* write \[\[disk\]\]"),
        ('[[disk]]\nformat = "raw"', ": disk 1 lacks its file"),
        (
            '[[disk]]\nfile = "system.img"\n[[disk]]\nfile = "absent"',
            ", line 4: there is no file .*absent",
        ),
        (
            '[[disk]]\nfile = "system.img"\nfromat = "raw"',
            ", line 3: there is no key 'fromat' of disk 1. Did you mean format",
        ),
        ("kernel = ?", r"cannot be read .*line 1"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_what_is_right(
    tmp_path: Path, text: str, message: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(UsageError, match=f"^{re.escape(str(file))}.*{message}") as error:
        read_description(file)
    assert len(str(error.value).splitlines()) == 2
    assert str(error.value).endswith("`binder-harness devices` shows every key.")


def test_a_line_that_is_ambiguous_is_not_guessed(tmp_path: Path) -> None:
    text = 'kernel = "bzImage"\nready_line = """\nmemory = 1\n"""\nmemory = "2G"'
    with pytest.raises(UsageError, match=r"device\.toml: memory takes a whole number"):
        read_description(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.toml cannot be read"):
        read_description(tmp_path / "absent.toml")


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_description_or_a_usage_error(tmp_path: Path, text: str) -> None:
    with contextlib.suppress(UsageError):
        read_description(written(tmp_path, text))
