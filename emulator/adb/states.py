"""What adb's state of a device means: why it cannot be used, what to do, and how to wait until it can."""

from __future__ import annotations

from emulator.adb.client import GONE, REACHED, UNAUTHORIZED, AdbClient
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError

NO_PERMISSIONS = "no permissions"
"""How the state begins of a USB device that the server may not open; a text for people follows."""
_EXPLANATIONS = {
    GONE: "adb does not list it: it was never connected, its serial is another, or it is switched off or "
    "unplugged; connect it until `adb devices` lists it as `device`",
    "offline": "it is offline: adb is connected, but the device does not answer. It may be starting or hang; "
    "if it stays so, run `adb reconnect offline`, or restart it",
    UNAUTHORIZED: "it does not trust this machine's adb key: unlock it and confirm “Allow USB debugging”; "
    "if it does not ask, revoke USB debugging authorizations in its developer options and connect it again",
    "authorizing": "it asks whether to trust this machine's adb key: confirm on its screen",
    "connecting": "adb is still connecting to it",
    "detached": "it is detached from the adb server: attach it with `adb attach`, or plug it in again",
    NO_PERMISSIONS: "this user may not open it on USB: install android-sdk-platform-tools-common, which "
    "permits it",
}


def explain(serial: str, state: str) -> str:
    """Why a device in this state cannot be used, and what to do about it."""
    known = NO_PERMISSIONS if state.startswith(NO_PERMISSIONS) else state
    reason = _EXPLANATIONS.get(known, f"it is in the state “{state}”, in which it runs no commands")
    return f"adb does not reach {serial}: {reason}."


def wait_until_reached(adb: AdbClient, serial: str, deadline: Deadline) -> None:
    """Wait until the device takes commands; DeviceLostError, with its state, at the deadline."""
    adb.ensure_server()
    try:
        deadline.poll(lambda: adb.reach(serial) == REACHED, f"adb to reach {serial}", interval=0.2)
    except TimeoutError as error:
        raise DeviceLostError(f"{error}. {explain(serial, adb.state(serial))}") from error
