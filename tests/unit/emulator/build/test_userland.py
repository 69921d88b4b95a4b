"""What is read out of the programs that the device's user space is made of."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.base.progress import reporting_to
from emulator.build import userland
from emulator.build.agents import SOURCES
from emulator.build.userland import busybox, busybox_commands

COMPILER = """#!/bin/sh
for word do
    case "$option" in -o) : > "$word" ;; esac
    option="$word"
done
"""
"""It makes an empty file of what it was to compile."""


def test_the_commands_of_busybox_are_those_that_it_lists() -> None:
    program = busybox()
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True, timeout=20)
    assert busybox_commands(program.read_bytes()) == listed.stdout.split()


@pytest.mark.parametrize("before", [b"", b"\0", b"\xbb\x82", b"x"])
def test_the_list_may_follow_anything(before: bytes) -> None:
    content = b"\x7fELF[\0" + before + b"[\0[[\0ash\0sh\0yes\0\0/bin/sh\0"
    assert busybox_commands(content) == ["[", "[[", "ash", "sh", "yes"]


@pytest.mark.parametrize("content", [b"", b"\x7fELF\0[\0", b"\0[\0test\0\0"])
def test_a_program_without_that_list_is_refused(content: bytes) -> None:
    with pytest.raises(SetupError, match="does not hold the list of its commands"):
        busybox_commands(content)


def test_adbd_is_built_in_a_directory_with_a_blank_in_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """make splits names at blanks: with absolute ones, it took parts of the cache's path for files."""
    scratch = tmp_path / "the cache" / "scratch"
    compiler = scratch / "a compiler"
    (scratch / "source").mkdir(parents=True)
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    recipe = SOURCES / "adbd"
    words = ["SOURCE=source", "OUTPUT=built", "--keep-going", "--dry-run"]
    command = ["make", f"--file={recipe}/Makefile", *words]
    tried = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False, timeout=60)
    for name in re.findall(r"No rule to make target 'built/objects/aosp/(.*?)\.o'", tried.stderr):
        source = scratch / "source" / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.touch()

    @contextlib.contextmanager
    def unpacked() -> Iterator[Path]:
        yield scratch / "source"

    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "the cache"))
    monkeypatch.setattr(userland, "unpacked", unpacked)
    monkeypatch.setattr(userland, "source_package", lambda _: Path("any version"))
    monkeypatch.setattr(userland, "clang", lambda *_: (str(compiler),))
    monkeypatch.setattr(userland, "identity", lambda _: "a compiler")
    monkeypatch.setattr("emulator.base.command.PROGRESS_SECONDS", 0.02)
    lines: list[str] = []
    with reporting_to(lines.append):
        root = userland.adbd_root()
    assert {"adbd", "getprop", "reboot"} <= {path.name for path in root.glob("system/bin/*")}
    objects = len([*(scratch / "built").rglob("*.o")])
    found = [re.fullmatch(r"building AOSP's adbd: (\d+) of (\d+) files compiled", line) for line in lines]
    counts = [int(count[1]) for count in found if count]
    assert counts == sorted(counts)
    assert {int(count[2]) for count in found if count} == {objects}, "a build of minutes shows how far it is"
