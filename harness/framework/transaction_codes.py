"""The numbers of the framework's methods, by release, and their names for people who read a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.binder.interface import BasicCode
from harness.binder.service_manager_wire import ANDROID_11 as SERVICE_MANAGER_11
from harness.binder.service_manager_wire import INTERFACE as SERVICE_MANAGER
from harness.facts import FacilityMissingError

CodeNames = Callable[[str | None, int], str | None]
"""Takes an interface and a code; None for what it does not know."""

ACTIVITY_MANAGER = "android.app.IActivityManager"
APPLICATION_THREAD = "android.app.IApplicationThread"
INTENT_RECEIVER = "android.content.IIntentReceiver"
SERVICE_CONNECTION = "android.app.IServiceConnection"

_ANDROID_12 = {
    "registerReceiverWithFeature": 13,
    "unregisterReceiver": 14,
    "broadcastIntentWithFeature": 16,
    "finishReceiver": 18,
    "attachApplication": 19,
    "bindService": 29,
    "unbindService": 32,
    "publishService": 33,
}
ACTIVITY_MANAGER_CODES: Mapping[int, Mapping[str, int]] = {
    11: {method: code - 1 for method, code in _ANDROID_12.items()},
    12: _ANDROID_12,
    13: _ANDROID_12,
}
"""Codes by release and method, the number of the method in IActivityManager.aidl; 12 put one more first."""

ANDROID_11: Mapping[str, Mapping[int, str]] = {
    SERVICE_MANAGER: dict(enumerate(SERVICE_MANAGER_11.methods, start=1)),
    ACTIVITY_MANAGER: {code: method for method, code in ACTIVITY_MANAGER_CODES[11].items()},
    APPLICATION_THREAD: {10: "scheduleBindService", 11: "scheduleUnbindService"},
    INTENT_RECEIVER: {1: "performReceive"},
    SERVICE_CONNECTION: {1: "connected"},
}

SHELL_COMMAND_TRANSACTION = int.from_bytes(b"_CMD", "big")
"""What `cmd NAME` sends; it carries no interface token."""

_SPECIAL_CODES: Mapping[int, str] = {code: code.name for code in BasicCode} | {
    SHELL_COMMAND_TRANSACTION: "SHELL_COMMAND_TRANSACTION",
    int.from_bytes(b"_EXT", "big"): "EXTENSION_TRANSACTION",
    int.from_bytes(b"_SPR", "big"): "SYSPROPS_TRANSACTION",
}
"""What every binder answers (libs/binder/include/binder/IBinder.h, Android 11)."""


def code_names(interface: str | None, code: int) -> str | None:
    """The name of a code on the generation of Android 11."""
    special = _SPECIAL_CODES.get(code)
    return special or ANDROID_11.get(interface or "", {}).get(code)


def activity_manager_codes(release: int) -> Mapping[str, int]:
    """The codes of a release's activity manager; FacilityMissingError where none are known."""
    if release not in ACTIVITY_MANAGER_CODES:
        known = ", ".join(map(str, ACTIVITY_MANAGER_CODES))
        raise FacilityMissingError(
            f"The activity manager of Android {release} is not spoken to over Binder from here, only those "
            f"of {known}: use the shell's. From Android 14 on native processes receive nothing anyway."
        )
    return ACTIVITY_MANAGER_CODES[release]
