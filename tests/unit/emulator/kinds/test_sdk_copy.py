"""Copies of AVDs: nothing reaches the original, and the copy is complete."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.avd import Avd, find_avd, parse_ini
from emulator.kinds.sdk.copy import LOCK, AvdCopy, held_unchanged, removed_at_the_end
from tests.emulator.doubles import ROOT, install, sdk_disks
from tests.emulator.doubles.sdk_files import VERSION, add_snapshot, files_of, make_avd

HERE = ThisMachine()
KILLED = """
import os, signal, sys
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.copy import removed_at_the_end
with removed_at_the_end(ThisMachine(), sys.argv[1]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's home."""
    monkeypatch.delenv("ANDROID_AVD_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def avd(home: Path) -> Avd:
    """An AVD that has booted and has a snapshot."""
    make_avd(home, "pixel")
    return find_avd(HERE, "pixel")


def copy_of(avd: Avd, tmp_path: Path, snapshot: str = "", *, overlays: bool = False) -> AvdCopy:
    """A copy that was made."""
    program = tmp_path / "bin" / "qemu-img"
    if overlays:
        install(program, "qemu_img")
    copy = AvdCopy(HERE, avd, str(tmp_path / "copy"), snapshot, str(program) if overlays else None)
    copy.make()
    return copy


@pytest.mark.parametrize("overlays", [True, False], ids=["overlays", "whole"])
def test_a_copy_has_the_same_disks_and_writes_do_not_reach_the_original(
    avd: Avd, tmp_path: Path, *, overlays: bool
) -> None:
    original = files_of(Path(avd.directory))
    copied = Path(copy_of(avd, tmp_path, overlays=overlays).directory)
    assert (sdk_disks.read(copied / sdk_disks.DISK).marks is None) == overlays
    for times in (1, 2):
        written = sdk_disks.open_disk(copied, image_version=VERSION, snapshot="", load=False, read_only=False)
        assert written == ["first-boot", "owner's", *["written"] * times]
    assert files_of(Path(avd.directory)) == original


def test_a_copy_made_again_is_as_new(avd: Avd, tmp_path: Path) -> None:
    copy = copy_of(avd, tmp_path, overlays=True)
    disk = Path(copy.directory) / sdk_disks.DISK
    sdk_disks.write(disk, sdk_disks.Disk(marks=["changed"]))
    (Path(copy.home) / "of a killed run").touch()
    copy.make()
    assert sdk_disks.marks(disk) == ["first-boot", "owner's"]
    assert sorted(path.name for path in Path(copy.home).iterdir()) == ["pixel.avd", "pixel.ini"]


def test_the_ini_files_name_the_copy_and_its_name_stays(avd: Avd, tmp_path: Path) -> None:
    copy = copy_of(avd, tmp_path)
    ini = parse_ini((tmp_path / "copy" / "pixel.ini").read_text())
    assert ini == {"avd.ini.encoding": "UTF-8", "path": copy.directory, "target": "android-35"}
    made = copy.made()
    assert made is not None
    assert (made.name, made.booted, made.directory) == ("pixel", True, copy.directory)


@pytest.mark.parametrize("written_as", ["directory", "link"])
def test_paths_into_the_avd_become_paths_into_the_copy(home: Path, tmp_path: Path, written_as: str) -> None:
    content = make_avd(home, "card")
    if written_as == "link":
        (tmp_path / "link").symlink_to(content.parent)
        content = tmp_path / "link" / "card.avd"
        (content.parent / "card.ini").write_text(f"path={content}\n")
    (content / "sdcard.img").write_text("card")
    card = tmp_path / "elsewhere.img"
    card.write_text("other card")
    config = content / "config.ini"
    config.write_text(
        f"{config.read_text()}sdcard.path={content}/sdcard.img\nhw.sdCard.path={card}\nskin.path=/sdk/skins/a\n"
        f"image.sysdir.2={content}.other/images\n"
    )
    copied = copy_of(find_avd(HERE, "card"), tmp_path).directory
    values = parse_ini((Path(copied) / "config.ini").read_text())
    assert values["sdcard.path"] == f"{copied}/sdcard.img"
    assert values["hw.sdCard.path"] == f"{copied}/hw.sdCard.path.img"
    assert Path(values["hw.sdCard.path"]).read_text() == "other card"
    assert values["skin.path"] == "/sdk/skins/a"
    assert values["image.sysdir.2"] == f"{content}.other/images"


def test_what_belongs_to_a_start_of_the_original_is_not_copied(avd: Avd, tmp_path: Path) -> None:
    (Path(avd.directory) / sdk_disks.READ_SNAPSHOT).write_text("default_boot")
    (Path(avd.directory) / "a file with blanks").touch()
    copied = files_of(Path(copy_of(avd, tmp_path).directory))
    assert set(copied) == {
        *("config.ini", "bootcompleted.ini", sdk_disks.DISK, sdk_disks.IMAGE, sdk_disks.VERSION),
        "a file with blanks",
    }


def test_a_snapshot_comes_with_its_disks_and_alone(avd: Avd, tmp_path: Path) -> None:
    add_snapshot(Path(avd.directory), "another", "pixel")
    copied = Path(copy_of(avd, tmp_path, "default_boot", overlays=True).directory)
    assert [path.name for path in (copied / "snapshots").iterdir()] == ["default_boot"]
    assert "default_boot" in sdk_disks.read(copied / sdk_disks.DISK).snapshots


def test_the_emulators_read_only_does_not_protect_an_avd(avd: Avd) -> None:
    """Why there are copies: what drive-share.cpp, as sdk_disks models it, does to the owner's disk."""
    content = Path(avd.directory)
    before = sdk_disks.marks(content / sdk_disks.DISK)
    sdk_disks.open_disk(content, image_version=VERSION, snapshot="", load=False, read_only=True)
    assert before == ["first-boot", "owner's"]
    assert sdk_disks.marks(content / sdk_disks.DISK) == ["first-boot"]
    assert (content / sdk_disks.READ_SNAPSHOT).read_text() == "default_boot"


def test_an_avd_that_an_emulator_runs_is_refused(avd: Avd, tmp_path: Path) -> None:
    with (Path(avd.directory) / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (
            pytest.raises(HarnessError, match="pixel is in use: an emulator runs it"),
            held_unchanged(HERE, avd, tmp_path / "log"),
        ):
            pass


def test_an_emulator_cannot_write_to_an_avd_that_a_run_uses(avd: Avd, tmp_path: Path) -> None:
    with (Path(avd.directory) / LOCK).open("wb") as lock:
        with (
            held_unchanged(HERE, avd, tmp_path / "log"),
            held_unchanged(HERE, avd, tmp_path / "another run's log"),
            pytest.raises(BlockingIOError),
        ):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_copy_that_cannot_be_made_is_an_error(avd: Avd, tmp_path: Path) -> None:
    copy = AvdCopy(HERE, avd, str(tmp_path / "copy"), "gone")
    with pytest.raises(
        SetupError, match=r"cannot be copied(.|\n)*snapshots/gone(.|\n)*never starts an AVD in place"
    ):
        copy.make()
    assert copy.made() is None


def test_a_killed_run_leaves_no_copy(tmp_path: Path) -> None:
    with removed_at_the_end(HERE, str(tmp_path / "one")):
        (tmp_path / "one").mkdir()
    assert not (tmp_path / "one").exists()
    (tmp_path / "two").mkdir()
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "two"], cwd=ROOT, check=False, timeout=60)
    Deadline(60.0).poll(lambda: not (tmp_path / "two").exists(), "the copy to go")


@pytest.mark.parametrize("overlays", [True, False], ids=["overlays", "whole"])
def test_real_qcow2_disks_lie_on_the_right_files(avd: Avd, tmp_path: Path, *, overlays: bool) -> None:
    program = shutil.which("qemu-img")
    if program is None:
        pytest.skip("needs qemu-img: install qemu-utils")
    content = Path(avd.directory)
    (content / sdk_disks.DISK).unlink()
    # As the emulator makes a disk: the image below it is named relative to it (parseQemuOptForQcow2).
    for command in (
        ["qemu-img", "create", "-q", "-f", "raw", sdk_disks.IMAGE, "1M"],
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", sdk_disks.IMAGE, sdk_disks.DISK],
        ["qemu-img", "snapshot", "-c", "default_boot", sdk_disks.DISK],
    ):
        subprocess.run(command, cwd=content, check=True, timeout=60)
    original = files_of(content)
    copied = tmp_path / "copy" / "pixel.avd"
    AvdCopy(HERE, avd, str(tmp_path / "copy"), "" if overlays else "default_boot", program).make()
    shown = ["qemu-img", "info", "--output=json", "--backing-chain", str(copied / sdk_disks.DISK)]
    chain = json.loads(subprocess.run(shown, check=True, capture_output=True, timeout=60).stdout)
    below = [content / sdk_disks.DISK, content / sdk_disks.IMAGE] if overlays else [copied / sdk_disks.IMAGE]
    assert [Path(disk["filename"]) for disk in chain] == [copied / sdk_disks.DISK, *below]
    assert ("snapshots" in chain[0]) == (not overlays)
    assert files_of(content) == original
