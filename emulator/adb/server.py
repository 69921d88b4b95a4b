"""Ensures that an adb server runs, and ends one that was started here with the last run that used it.

A server that already runs is used and left alone. One that is started here is watched by a small shell
process that waits for a file lock, which every run holds for as long as it lives: the kernel releases the
lock even of a run that was killed. A server that then has somebody else's device is left running, and the
shell with it: the kernel ends the server with that shell, even where the shell is killed.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO

from emulator.base.command import UNLESS_ORPHANED, script
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, UsageError
from emulator.base.lock_file import lock_file, open_locked, take
from emulator.base.printable import printable
from emulator.cache.store import lock_path

STARTS_WITHIN = 20.0
USB = Path("/dev/bus/usb")
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")

_held: dict[int, IO[str]] = {}
"""Open lock files by port: held until this process ends."""

logger = logging.getLogger(__name__)


def server_port() -> int:
    """The port of the adb server that adb's own tools would use.

    Raises UsageError where a variable of theirs holds no port, or names a server of another machine: an
    embedded device is on a port of this one (AOSP, packages/modules/adb, client/commandline.cpp; adbutils has
    ANDROID_ADB_SERVER_HOST).
    """
    for name in ("ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_HOST"):
        if os.environ.get(name, "localhost") not in ("", *THIS_MACHINE):
            raise _elsewhere(name)
    name, text = "ANDROID_ADB_SERVER_PORT", os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
    if specification := os.environ.get("ADB_SERVER_SOCKET"):
        name = "ADB_SERVER_SOCKET"
        kind, _, rest = specification.partition(":")
        host, _, text = rest.rpartition(":")
        if kind != "tcp" or host.strip("[]") not in ("", *THIS_MACHINE):
            raise _elsewhere(name)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise UsageError(f"The variable {name} must be a port number, not {text!r}.")
    return int(text)


def _elsewhere(name: str) -> UsageError:
    return UsageError(
        f"The variable {name} names an adb server that is not on a port of this machine, "
        f"{printable(os.environ[name])!r}; only one that is can be used. Unset it. To use it, forward "
        "its port (`ssh -N -L 5038:127.0.0.1:5037 HOST`) and set ANDROID_ADB_SERVER_PORT to 5038."
    )


def ensure_adb_server(port: int, adb: Callable[[], str]) -> None:
    """Use the adb server that runs on a port, or start one with the program whose path `adb` returns.

    Raises SetupError when none can be started within 20 s.
    """
    if port not in _held:
        _held[port] = open_locked(lock_path(f"adb-server-{port}"), _wait_to_share)
    lock = _held[port]
    if answers(port):
        return

    with lock_file(lock_path(f"adb-server-{port}-start"), _wait_to_start):
        if answers(port):
            return
        program = adb()
        logger.info("starting an adb server on port %d: %s", port, program)
        subprocess.Popen(
            keeper(program, port, lock.name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(),
        )
        try:
            Deadline(STARTS_WITHIN).poll(lambda: answers(port), f"the adb server on port {port}")
        except TimeoutError as error:
            output = Path(lock.name).read_text(errors="replace").strip()
            raise SetupError(f"{error}. Its output: {output or 'none'}") from error


def keeper(adb: str, port: int, lock: str) -> list[str]:
    """The command that starts a server, and ends it when nobody shares the lock any more."""
    return script(__file__, "keep_server.sh", adb, str(port), lock, UNLESS_ORPHANED)


def _wait_to_share(lock: IO[str]) -> None:
    Deadline(STARTS_WITHIN).poll(lambda: take(lock, shared=True), "the end of the last adb server")


def _wait_to_start(lock: IO[str]) -> None:
    Deadline(2 * STARTS_WITHIN).poll(lambda: take(lock), "another run to start an adb server")


def _environment() -> dict[str, str]:
    """The environment of a server that is started here.

    Where there is no USB, adb's libusb backend makes the first request wait 3 s for the end of a scan that
    never begins (adb 36; usb_libusb.cpp); its older backend, which finds the same devices, does not.
    """
    without_libusb = {} if USB.exists() else {"ADB_LIBUSB": "0"}
    return {**without_libusb, **os.environ}


def answers(port: int) -> bool:
    """Whether something accepts connections on that port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
