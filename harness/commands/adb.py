"""Finds an adb program that gets on with the adb server that is running."""

from __future__ import annotations

import re
import shutil
import subprocess

SECONDS_TO_SAY_ITS_VERSION = 10.0


def adb_program() -> str:
    """The path of an adb of the server's version, for any other would end that server and all its users.

    The one on the PATH comes first, then the one that adbutils carries; where neither has the server's
    version, adbutils' speaks for us, as it does in all else.
    """
    from emulator.adb.client import AdbClient, adb_path

    adb, carried = AdbClient(), adb_path()
    candidates = [program for program in (shutil.which("adb"), carried) if program]
    if not adb.server_runs:
        return candidates[0]
    server = adb.server_version()
    return next((program for program in candidates if _version(program) == server), carried)


def _version(program: str) -> int | None:
    """N of `Android Debug Bridge version 1.0.N`, which client and server compare (AOSP, adb.h).

    None for what is no adb, or does not run here.
    """
    try:
        answer = subprocess.run(
            [program, "version"],
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_SAY_ITS_VERSION,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"version \d+\.\d+\.(\d+)", answer.stdout)
    return int(version[1]) if version else None
