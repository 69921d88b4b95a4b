"""Asks adbd itself, where no agent runs yet: for one short command, for root, for a restart."""

from __future__ import annotations

import contextlib

import adbutils

from emulator.adb.devices import ANSWERS_WITHIN, GONE, REACHED, client, connect, is_address, state_of
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from emulator.base.progress import say

SHELL_USER = "2000"


def ask(serial: str, service: str) -> str:
    """What one of adbd's services answers (AOSP, packages/modules/adb/SERVICES.TXT); HarnessError if none."""
    try:
        with client().device(serial).open_transport(timeout=ANSWERS_WITHIN) as connection:
            connection.send_command(service)
            connection.check_okay()
            return str(connection.read_until_close()).strip()
    except (adbutils.AdbError, OSError) as error:
        raise HarnessError(f"{serial} does not answer “{service}”: {error}.") from error


def output(serial: str, command: str) -> str:
    """What a command writes; nothing while the device does not answer."""
    with contextlib.suppress(HarnessError):
        return ask(serial, f"shell:{command}")
    return ""


def become_root(serial: str, deadline: Deadline) -> bool:
    """Restart adbd as root, as `adb root` does; whether that changed anything.

    A `user` build refuses (AOSP, adb/daemon/restart_service.cpp), which is reported, and no error.
    """
    if output(serial, "id -u") == "0":
        return False
    said = ask(serial, "root:")
    say(f"adb root on {serial}: {said}")
    if "cannot" in said:
        return False
    _wait_for_user(serial, "0", deadline)
    return True


def become_shell(serial: str, deadline: Deadline) -> None:
    """Restart adbd as the unprivileged user, as `adb unroot` does."""
    ask(serial, "unroot:")
    _wait_for_user(serial, SHELL_USER, deadline)


def restart(serial: str, deadline: Deadline) -> None:
    """Restart the device and wait until it takes commands again."""
    before = _boot(serial)
    ask(serial, "reboot:")

    def back() -> bool:
        return _reached(serial) and _boot(serial) not in ("", before)

    deadline.poll(back, f"{serial} to restart", interval=0.5)


def _boot(serial: str) -> str:
    return output(serial, "cat /proc/sys/kernel/random/boot_id")


def _wait_for_user(serial: str, user: str, deadline: Deadline) -> None:
    def back() -> bool:
        return _reached(serial) and output(serial, "id -u") == user

    deadline.poll(back, f"adbd on {serial} to come back as user {user}", interval=0.1)


def _reached(serial: str) -> bool:
    if state_of(serial) == GONE and is_address(serial):
        connect(serial)
    return state_of(serial) == REACHED
