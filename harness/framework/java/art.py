"""The device's own framework in Java: in a process of ART, which the device's app_process starts.

This is written from AOSP's sources, and has never been run on ART: what runs it in this project's tests is a
stand-in for app_process, with OpenJDK (tests/java/test_art.py).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError
from emulator.build.java.dex import agent_on_art
from harness.binder.services.service import BINDER

if TYPE_CHECKING:
    from harness.device.device import Device

MAIN_CLASS = "harness.agent.AgentOnArt"


def put_agent(device: Device) -> str:
    """Have the agent for ART be on a device; return its path. It goes when the device is closed."""
    jar = agent_on_art()
    path = f"{device.directory}/{jar.parent.name}.jar"
    if not device.files.exists(path):
        # ART ends with “Writable dex file … is not allowed” where its owner may write it (Android 14).
        device.push(jar, path, mode=0o444)
    return path


def art_command(jar: str) -> list[str]:
    """The command that starts the agent; app_process does not use the directory (app_main.cpp)."""
    return ["sh", "-c", f"CLASSPATH={shlex.quote(jar)} exec app_process / {MAIN_CLASS}"]


def check_users_and_node(uids: Iterable[int], node: str | None) -> None:
    """Raise FacilityMissingError for another user than the shell's, or another binder device."""
    if any(uids) or node not in (None, BINDER):
        raise FacilityMissingError(
            f"needs Java as another user or on another binder device: a device's own framework runs as its "
            f"shell's user, on {BINDER}. It can be tested on the target `embedded`."
        )
