"""What a user's own adb finds on a device that `binder-harness boot` keeps."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import adbutils
import pytest

from emulator.base.deadline import Deadline
from emulator.embedded.device import open_embedded
from emulator.target import parse_target
from harness.device.device import Device
from tests.emulator import own_adb

WITHIN = 120.0
ROOT = Path(__file__).parents[2]


class Booted:
    """A device that runs until its process is ended, and an adb server that only they use."""

    def __init__(self, *arguments: str) -> None:
        self.environment = own_adb.environment(5800)
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", "from harness.cli import main; main()", "boot", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._limit = threading.Timer(WITHIN, self.process.kill)
        self._limit.start()
        self.serial = self.await_line("until Ctrl-C").rpartition(" ")[2]

    def await_line(self, words: str) -> str:
        """The next line of its output that has these words."""
        assert self.process.stdout is not None
        while words not in (line := self.process.stdout.readline().rstrip()):
            assert self.process.poll() is None, self.process.communicate()
        return line

    def adb(self, *words: str) -> str:
        """What adb, which the user calls, answers."""
        command = [adbutils.adb_path(), *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=WITHIN, check=True
        ).stdout

    def close(self) -> None:
        self._limit.cancel()
        self.process.terminate()
        self.process.communicate()


@pytest.fixture
def booted() -> Iterator[Booted]:
    with contextlib.closing(Booted("--activity-standin")) as booted:
        yield booted


def test_it_outlives_the_adb_server_and_a_restart(booted: Booted) -> None:
    """And with it the stand-in for the activity manager."""
    broadcast = ("-s", booted.serial, "shell", "cmd activity broadcast -a com.example.HELLO")
    assert "Broadcast completed" in booted.adb(*broadcast)
    booted.adb("kill-server")
    booted.await_line(f"adb is connected to {booted.serial} again")
    assert "Broadcast completed" in booted.adb(*broadcast)
    booted.adb("-s", booted.serial, "reboot")
    booted.await_line(f"adb is connected to {booted.serial} again, and the stand-in runs there")
    assert "Broadcast completed" in booted.adb(*broadcast)


@pytest.mark.parametrize("program", ["activity_standin", "servicemanager"])
def test_the_stand_in_is_started_again(booted: Booted, program: str) -> None:
    """Without a word it would be gone: its name goes with the service manager, too."""
    shell = ("-s", booted.serial, "shell")
    booted.adb(*shell, f"kill -9 $(pidof {program})")
    booted.await_line(f"the stand-in runs again on {booted.serial}")
    assert "Broadcast completed" in booted.adb(*shell, "am broadcast -a com.example.HELLO")


def test_its_end_is_told(booted: Booted) -> None:
    subprocess.Popen(
        [adbutils.adb_path(), "-s", booted.serial, "shell", "echo c > /proc/sysrq-trigger"],
        env=booted.environment,
        stderr=subprocess.DEVNULL,
    ).wait(WITHIN)
    _, errors = booted.process.communicate(timeout=WITHIN)
    assert booted.process.returncode == 3
    assert f"The device {booted.serial} ended by itself.\nthe device's kernel panicked" in errors


def test_without_a_servicemanager_its_commands_say_so() -> None:
    with Device(open_embedded(parse_target("embedded?userland=none"))) as device:
        for command in ("service list", "cmd -l", "dumpsys"):
            result = device.run(command, deadline=Deadline(10))
            assert result.status == 1
            assert result.errors.endswith(
                "no servicemanager runs on this device: it was started with userland=none\n"
            )
        device.shell("servicemanager > /dev/null 2>&1 &")
        found = Deadline(10).poll(lambda: device.run("service list").output, "a servicemanager")
        assert "manager: [android.os.IServiceManager]" in found
