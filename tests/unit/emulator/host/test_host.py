"""This machine as a host of devices, and what works on any host."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.host.host import absence, check_output, serial_from_here, take_free
from emulator.host.opening import open_host
from emulator.host.this_machine import ThisMachine

WITHIN = 20.0


@pytest.fixture
def here(tmp_path: Path) -> ThisMachine:
    """This machine, with locks of its own."""
    return ThisMachine(lambda name: str(tmp_path / name))


def test_a_command_is_awaited_but_not_what_it_leaves_running(here: ThisMachine) -> None:
    began = time.monotonic()
    ended = here.run(
        ["sh", "-c", "echo $WORD; echo error >&2; setsid sleep 3 & exit 7"],
        deadline=Deadline(WITHIN),
        environment={"WORD": "out"},
    )
    assert (ended.status, ended.output, ended.errors) == (7, "out\n", "error\n")
    assert time.monotonic() - began < 3


def test_a_command_that_takes_too_long_is_ended_and_its_output_kept(here: ThisMachine) -> None:
    ended = here.run(["sh", "-c", "echo so far; sleep 60"], deadline=Deadline(0.3))
    assert (ended.status, ended.output) == (None, "so far\n")


def test_what_must_succeed_shows_why_it_did_not(here: ThisMachine) -> None:
    assert check_output(here, ["echo", "yes"], WITHIN) == "yes\n"
    with pytest.raises(SetupError, match=r"`sh -c .*` failed with status 3\.\nwhy"):
        check_output(here, ["sh", "-c", "echo why >&2; exit 3"], WITHIN)
    with pytest.raises(SetupError, match=r"took over 0\.2 s"):
        check_output(here, ["sleep", "60"], 0.2)


def test_programs_are_found_by_name_or_path(here: ThisMachine, tmp_path: Path) -> None:
    assert here.find(sys.executable) == sys.executable
    (tmp_path / "text").write_text("not a program")
    assert here.find(str(tmp_path / "text")) is None
    assert absence(here, "sh") == ""
    assert "no-such-program is not installed" in absence(here, "no-such-program")


def test_a_number_is_taken_that_is_free_and_kept(here: ThisMachine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, contextlib.ExitStack() as resources:
        busy = taken.getsockname()[1]

        def ports(number: int) -> tuple[int]:
            return (busy if number == 1 else 1,)

        assert take_free(here, "test", (1, 2, 3), ports, resources) == 2
        assert take_free(here, "test", (1, 2, 3), ports, resources) == 3
        assert take_free(here, "test", (1, 2, 3), ports, resources) is None
        with pytest.raises(HarnessError), here.lock("test-2"):
            pass
    with here.lock("test-2"):
        pass


def test_a_lock_is_for_every_user(here: ThisMachine, tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        with here.lock("test"):
            pass
    finally:
        os.umask(umask)
    assert (tmp_path / "test").stat().st_mode & 0o777 == 0o444


def test_what_cannot_be_locked_is_named(here: ThisMachine, tmp_path: Path) -> None:
    (tmp_path / "test").symlink_to(tmp_path / "absent")
    with pytest.raises(SetupError, match=r"/test cannot be locked: No such file"), here.lock("test"):
        pass


def test_here_a_device_keeps_the_serial_that_it_has() -> None:
    with contextlib.ExitStack() as resources, open_host("") as host:
        assert serial_from_here(host, 5555, "emulator-5554", resources) == "emulator-5554"
