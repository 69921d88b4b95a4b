"""Finds an adb program of the same version as the running adb server."""

from __future__ import annotations

import re
import shutil
import subprocess

VERSION_SECONDS = 10.0


def adb_program() -> str:
    """The path of an adb of the server's version: one of another version would restart the server.

    The one on the PATH comes first, then the one in adbutils, which is also used where neither has the
    server's version.
    """
    from emulator.adb.client import AdbClient, adb_path

    adb = AdbClient()
    adb.ensure_server()  # that of an earlier run may be just ending
    return adb_of_version(adb.server_version(), adb_path())


def adb_of_version(server: int, bundled: str, *, seconds: float = VERSION_SECONDS) -> str:
    """The adb on the PATH if it prints the server's version within so many seconds; else `bundled`."""
    on_path = shutil.which("adb")
    return on_path if on_path and _version(on_path, seconds) == server else bundled


def _version(program: str, seconds: float) -> int | None:
    """N of `Android Debug Bridge version 1.0.N`, which client and server compare (AOSP, adb.h).

    None for a program that is not adb, or does not run here.
    """
    try:
        finished = subprocess.run(
            [program, "version"],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"version \d+\.\d+\.(\d+)", finished.stdout)
    return int(version[1]) if version else None
