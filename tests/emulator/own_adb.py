"""An adb server for one test alone, which tests that run at the same time know nothing of."""

from __future__ import annotations

import os


def environment(first_port: int) -> dict[str, str]:
    """That of a program with such a server, on one of 100 ports.

    It looks for no emulators: of two servers that find the same one, only one has it (AOSP,
    adb/client/transport_emulator.cpp).
    """
    port = first_port + os.getpid() % 100
    return {**os.environ, "ANDROID_ADB_SERVER_PORT": str(port), "ADB_LOCAL_TRANSPORT_MAX_PORT": "5553"}
