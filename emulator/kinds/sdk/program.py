"""Finds the Android SDK's emulator on a host, its AVDs, and whether it is accelerated."""

from __future__ import annotations

import posixpath
import re

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.host.host import Host, check_output, on

ANSWERS_WITHIN = 30.0


def emulator_program(host: Host) -> str:
    """The path of `emulator`: of the SDK at $ANDROID_HOME or $ANDROID_SDK_ROOT, or on the PATH.

    Raises SetupError where it is in none of them.
    """
    for variable in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        sdk = host.variable(variable)
        program = host.find(f"{sdk}/emulator/emulator") if sdk else None
        if program:
            return program
    found = host.find("emulator")
    if found is None:
        raise SetupError(
            "The Android SDK's emulator is neither below $ANDROID_HOME or $ANDROID_SDK_ROOT nor on the "
            f"PATH{on(host)}. Install it with `sdkmanager emulator`, then export ANDROID_HOME=DIRECTORY"
            f"{', in ~/.profile there' if host.address else ''}."
        )
    return found


def qemu_img(host: Host, program: str) -> str | None:
    """The path of `qemu-img`: the SDK's, beside its emulator, or Debian's (qemu-utils), or None."""
    return host.find(f"{posixpath.dirname(program)}/qemu-img") or host.find("qemu-img")


def list_avds(host: Host, program: str) -> list[str]:
    """The names of the user's AVDs."""
    output = check_output(host, [program, "-list-avds"], ANSWERS_WITHIN)
    # Recent emulators put log lines, such as “INFO    | …”, before the names.
    return [line for line in output.split("\n") if re.fullmatch(r"[\w.-]+", line)]


def acceleration(host: Host, program: str) -> tuple[bool, str]:
    """Whether the emulator can run a guest on the processor itself, and its own sentence about that."""
    finished = host.run([program, "-accel-check"], deadline=Deadline(ANSWERS_WITHIN))
    # The answer is between the lines “accel:” and “accel”: a number, then a sentence.
    _, _, answer = finished.output.partition("accel:\n")
    return finished.status == 0, " ".join(answer.removesuffix("accel\n").split("\n")[1:]).strip()
