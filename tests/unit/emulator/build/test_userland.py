"""What is read out of the programs that the device's user space is made of."""

from __future__ import annotations

import subprocess

import pytest

from emulator.base.errors import SetupError
from emulator.build.userland import busybox, busybox_commands


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
