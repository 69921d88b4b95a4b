"""Restarts adbd as root or as the unprivileged user, or the whole device, through adbd's own services."""

from __future__ import annotations

from emulator.adb.client import REACHED, AdbClient
from emulator.base.deadline import Deadline
from emulator.base.progress import report

SHELL_USER = "2000"
RESTARTS = "restarting adbd as root"


def become_root(adb: AdbClient, serial: str, deadline: Deadline) -> bool:
    """Restart adbd as root, as `adb root` does; whether that changed anything.

    A `user` build refuses, and so does LineageOS until its owner allows it in the settings, each in words of
    its own. So adbd restarts only where it says so (AOSP, adb/daemon/restart_service.cpp): anything else is
    reported as progress, not raised.
    """
    if adb.output(serial, "id -u") == "0":
        return False
    answer = adb.ask(serial, "root:")
    report(f"adb root on {serial}: {answer or 'adbd does not answer'}")
    if RESTARTS not in answer:
        return False
    _wait_for_user(adb, serial, "0", deadline)
    return True


def become_shell(adb: AdbClient, serial: str, deadline: Deadline) -> None:
    """Restart adbd as the unprivileged user, as `adb unroot` does."""
    adb.ask(serial, "unroot:")
    _wait_for_user(adb, serial, SHELL_USER, deadline)


def restart(adb: AdbClient, serial: str, deadline: Deadline) -> None:
    """Restart the device and wait until it takes commands again."""
    before = boot_id(adb, serial)
    adb.ask(serial, "reboot:")

    def restarted() -> bool:
        return adb.reach(serial) == REACHED and boot_id(adb, serial) not in ("", before)

    deadline.poll(restarted, f"{serial} to restart", interval=0.5)


def boot_id(adb: AdbClient, serial: str) -> str:
    """What distinguishes this boot of the device from every other; empty where adb does not reach it."""
    return adb.output(serial, "cat /proc/sys/kernel/random/boot_id")


def _wait_for_user(adb: AdbClient, serial: str, user: str, deadline: Deadline) -> None:
    def restarted() -> bool:
        return adb.reach(serial) == REACHED and adb.output(serial, "id -u") == user

    deadline.poll(restarted, f"adbd on {serial} to restart as user {user}", interval=0.1)
