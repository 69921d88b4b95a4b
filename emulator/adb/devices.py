"""Asks the adb server which devices it reaches, and tells apart why it does not reach one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import adbutils

from emulator.adb.server import answers, ensure_adb_server, server_port
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError

REACHED = "device"
"""The state of a device that takes commands (AOSP, packages/modules/adb, to_string(ConnectionState))."""
GONE = "gone"
"""The state, in our words, of a device that the server does not list."""
ANSWERS_WITHIN = 5.0

_EXPLANATIONS = {
    GONE: "adb does not list it: it was never connected, or its serial is another, or it was switched off or "
    "unplugged; connect it until `adb devices` lists it as `device`",
    "offline": "it is offline: adb is connected, but the device does not answer. It may be starting or hang; "
    "if it stays so, `adb reconnect offline`, or restart it",
    "unauthorized": "it does not trust this machine's adb key: unlock it and confirm “Allow USB debugging”; "
    "if it does not ask, revoke USB debugging authorizations in its developer options and connect it anew",
    "authorizing": "it is being asked whether it trusts this machine's adb key: confirm on its screen",
    "connecting": "adb is still connecting to it",
    "no": "this user may not open it on USB: install android-sdk-platform-tools-common, which permits it",
}


@dataclass(frozen=True)
class Listed:
    """A device as the adb server lists it."""

    serial: str
    state: str
    tags: Mapping[str, str]
    """product, model, device: what the device says of itself."""


def client() -> adbutils.AdbClient:
    """A client of the adb server, whose requests end after 5 s."""
    return adbutils.AdbClient(port=server_port(), socket_timeout=ANSWERS_WITHIN)


def listed() -> dict[str, Listed]:
    """What the running adb server lists, by serial; nothing where none runs."""
    if not answers(server_port()):
        return {}
    try:
        found = client().list(extended=True)
    except (adbutils.AdbError, OSError) as error:
        raise HarnessError(
            f"The adb server on port {server_port()} does not answer: {error}. "
            "End it with `adb kill-server` and try again."
        ) from error
    return {info.serial: Listed(info.serial, info.state, info.tags) for info in found}


def state_of(serial: str) -> str:
    """`device`, `offline`, `unauthorized` …, or `gone`."""
    found = listed().get(serial)
    return found.state if found else GONE


def explain(serial: str, state: str) -> str:
    """Why a device in this state cannot be used, and what to do about it."""
    reason = _EXPLANATIONS.get(state, f"it is in the state “{state}”, in which it runs no commands")
    return f"adb does not reach {serial}: {reason}."


def is_address(serial: str) -> bool:
    """Whether the serial is HOST:PORT, which adb connects to on request."""
    return re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[\w.-]+):\d+", serial) is not None


def connect(serial: str) -> None:
    """Have the server connect to an address; whether that worked, its state tells."""
    with contextlib.suppress(adbutils.AdbError, OSError):
        client().connect(serial, timeout=ANSWERS_WITHIN)


def disconnect(serial: str) -> None:
    """Have the server forget an address; one that it does not know is forgotten already."""
    if answers(server_port()):
        with contextlib.suppress(adbutils.AdbError, OSError):
            client().disconnect(serial)


def wait_until_reached(serial: str, deadline: Deadline) -> None:
    """Wait until the device takes commands; DeviceLostError, saying what it is instead, at the deadline."""
    ensure_adb_server()

    def reached() -> bool:
        state = state_of(serial)
        if state == GONE and is_address(serial):
            connect(serial)
        return state == REACHED

    try:
        deadline.poll(reached, f"adb to reach {serial}", interval=0.2)
    except TimeoutError as error:
        raise DeviceLostError(f"{error}. {explain(serial, state_of(serial))}") from error
