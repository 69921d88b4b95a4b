"""The transaction codes of the framework's methods, by release, and their names for recordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.binder.services.interface import BasicCode
from harness.binder.services.wire import ANDROID_11 as SERVICE_MANAGER_11
from harness.binder.services.wire import INTERFACE as SERVICE_MANAGER

CodeNames = Callable[[str | None, int], str | None]
"""Takes an interface and a code; None where it has no name for it."""

ACTIVITY_MANAGER = "android.app.IActivityManager"
APPLICATION_THREAD = "android.app.IApplicationThread"
INTENT_RECEIVER = "android.content.IIntentReceiver"
RESULT_RECEIVER = "com.android.internal.os.IResultReceiver"
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
    10: {
        "registerReceiver": 10,
        "unregisterReceiver": 11,
        "broadcastIntent": 12,
        "finishReceiver": 14,
        "attachApplication": 15,
        "bindService": 26,
        "bindIsolatedService": 27,
        "unbindService": 29,
        "publishService": 30,
    },
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
"""Codes by release and method: the method's position in IActivityManager.aidl, before which 12 added one.

Android 15 has two orders, since a quarterly release that of 16: it is left out. The codes of 14 and 16 were
counted in the sources of systems built on them.
"""

JAVA_CODES: Mapping[int, Mapping[str, int]] = {
    10: ACTIVITY_MANAGER_CODES[10],
    14: {**_ANDROID_12, "bindServiceInstance": 30},
}
"""Those of AOSP's Java that is built here: its Android 14 is the first beta, which has the order of 12."""

_APPLICATION_THREAD_CODES: Mapping[int, Mapping[int, str]] = {
    10: {10: "scheduleBindService", 11: "scheduleUnbindService", 13: "scheduleRegisteredReceiver"},
    11: {10: "scheduleBindService", 11: "scheduleUnbindService"},
    14: {10: "scheduleBindService", 11: "scheduleUnbindService", 13: "scheduleRegisteredReceiver"},
}
"""By release, in the order of IApplicationThread.aidl."""

SERVICE_MANAGER_FORKED = 15
"""The first release with two orders of methods in IServiceManager.aidl."""

SHELL_COMMAND_TRANSACTION = int.from_bytes(b"_CMD", "big")
"""What `cmd NAME` sends; it carries no interface token."""

_SPECIAL_CODES: Mapping[int, str] = {code: code.name for code in BasicCode} | {
    SHELL_COMMAND_TRANSACTION: "SHELL_COMMAND_TRANSACTION",
    int.from_bytes(b"_EXT", "big"): "EXTENSION_TRANSACTION",
    int.from_bytes(b"_SPR", "big"): "SYSPROPS_TRANSACTION",
}
"""Codes that every binder handles (libs/binder/include/binder/IBinder.h, Android 11)."""


def code_names_of(release: int, activity_manager: Mapping[str, int]) -> CodeNames:
    """Names for the codes of an Android release, whose activity manager has these."""
    interfaces: dict[str, Mapping[int, str]] = {
        ACTIVITY_MANAGER: {code: method for method, code in activity_manager.items()},
        INTENT_RECEIVER: {1: "performReceive"},
        RESULT_RECEIVER: {1: "send"},
        SERVICE_CONNECTION: {1: "connected"},
    }
    if release < SERVICE_MANAGER_FORKED:
        interfaces[SERVICE_MANAGER] = dict(enumerate(SERVICE_MANAGER_11.methods, start=1))
    interfaces[APPLICATION_THREAD] = _APPLICATION_THREAD_CODES.get(release, {})

    def name(interface: str | None, code: int) -> str | None:
        return _SPECIAL_CODES.get(code) or interfaces.get(interface or "", {}).get(code)

    return name


code_names = code_names_of(11, ACTIVITY_MANAGER_CODES[11])
"""The names of Android 11."""
