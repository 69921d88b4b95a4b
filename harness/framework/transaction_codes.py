"""The numbers of the framework's methods, by release, and their names for people who read a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.binder.services.interface import BasicCode
from harness.binder.services.wire import ANDROID_11 as SERVICE_MANAGER_11
from harness.binder.services.wire import INTERFACE as SERVICE_MANAGER

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
    14: {
        "registerReceiverWithFeature": 19,
        "unregisterReceiver": 20,
        "broadcastIntentWithFeature": 22,
        "finishReceiver": 24,
    },
    16: {
        "registerReceiverWithFeature": 22,
        "unregisterReceiver": 23,
        "broadcastIntentWithFeature": 26,
        "finishReceiver": 28,
    },
}
"""Codes by release and method, the number of the method in IActivityManager.aidl; 12 put one more first.

Android 15 has two orders, that of 16 since a quarterly release: none is given for it. Those of 14 and 16 were
counted in the sources of systems built on them.
"""

SERVICE_MANAGER_FORKED = 15
"""The release in which IServiceManager.aidl came to have two orders."""

SHELL_COMMAND_TRANSACTION = int.from_bytes(b"_CMD", "big")
"""What `cmd NAME` sends; it carries no interface token."""

_SPECIAL_CODES: Mapping[int, str] = {code: code.name for code in BasicCode} | {
    SHELL_COMMAND_TRANSACTION: "SHELL_COMMAND_TRANSACTION",
    int.from_bytes(b"_EXT", "big"): "EXTENSION_TRANSACTION",
    int.from_bytes(b"_SPR", "big"): "SYSPROPS_TRANSACTION",
}
"""What every binder answers (libs/binder/include/binder/IBinder.h, Android 11)."""


def code_names_of(release: int, activity_manager: Mapping[str, int]) -> CodeNames:
    """Names for the codes of an Android release whose activity manager has these."""
    interfaces: dict[str, Mapping[int, str]] = {
        ACTIVITY_MANAGER: {code: method for method, code in activity_manager.items()},
        INTENT_RECEIVER: {1: "performReceive"},
        SERVICE_CONNECTION: {1: "connected"},
    }
    if release < SERVICE_MANAGER_FORKED:
        interfaces[SERVICE_MANAGER] = dict(enumerate(SERVICE_MANAGER_11.methods, start=1))
    if release == min(ACTIVITY_MANAGER_CODES):
        interfaces[APPLICATION_THREAD] = {10: "scheduleBindService", 11: "scheduleUnbindService"}

    def name(interface: str | None, code: int) -> str | None:
        return _SPECIAL_CODES.get(code) or interfaces.get(interface or "", {}).get(code)

    return name


code_names = code_names_of(11, ACTIVITY_MANAGER_CODES[11])
"""Names on the generation of Android 11."""
