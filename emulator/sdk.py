"""The Android SDK's emulator: finds it, lists its AVDs, and starts one without a window for a run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import adbutils

from emulator.adb_devices import GONE, state_of
from emulator.adb_server import answers, ensure_adb_server
from emulator.adb_services import become_root
from emulator.android_start import AndroidStart
from emulator.deadline import Deadline
from emulator.device_lock import device_lock
from emulator.errors import HarnessError, SetupError, UsageError
from emulator.lifeline import LifeLine
from emulator.program import Program
from emulator.progress import say, step
from emulator.run_directory import run_directory
from emulator.target import Kind, Offer, Target

CONSOLE_PORTS = range(5554, 5586, 2)
"""Even ports whose neighbours adb looks at for emulators (developer.android.com, adb, “How adb works”)."""
START_SECONDS = 300.0
SOFTWARE_START_SECONDS = 1800.0
"""Without acceleration an image of today takes many minutes."""
ANSWERS_WITHIN = 30.0
STOPS_WITHIN = 20.0

FOR_CI = (
    *("-no-window", "-no-audio", "-no-boot-anim"),
    *("-gpu", "swiftshader_indirect"),
    # Started afresh, and nothing kept: an AVD is its owner's.
    *("-no-snapshot", "-read-only"),
)
"""developer.android.com/studio/run/emulator-commandline, “Startup options”."""


class AvdDevice:
    """The life line of an AVD that was started for the run; what is written on it ends with it."""

    disposable = True

    def __init__(self, target: Target, command: list[str], port: int, directory: Path) -> None:
        self.target = str(target)
        self.serial = f"emulator-{port}"
        self._command = [*command, "-port", str(port)]
        self._log = directory / "emulator.log"
        self._program: Program | None = None
        self._resources = contextlib.ExitStack()

    @property
    def alive(self) -> bool:
        """Whether the emulator runs."""
        return self._program is not None and self._program.alive

    def why_lost(self) -> str:
        """How the emulator ended, with the last lines it wrote."""
        return self._program.how_it_ended() if self._program else "The emulator was not started."

    def start(self, deadline: Deadline) -> None:
        """Start the emulator, wait for Android, and become root where the image allows that."""
        self._program = Program(self._command, self._log)
        AndroidStart(self.serial, lambda: self.alive, self.why_lost).wait(deadline)
        become_root(self.serial, deadline)

    def restart(self, deadline: Deadline) -> None:
        """Start it afresh, at the same serial."""
        self._stop()
        self.start(deadline)

    def _stop(self) -> None:
        """Ask the emulator to end, as `adb emu kill` does, and end it if it does not."""
        if self._program is None:
            return
        if self._program.alive:
            with contextlib.suppress(subprocess.SubprocessError, OSError):
                subprocess.run(
                    [adbutils.adb_path(), "-s", self.serial, "emu", "kill"],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=STOPS_WITHIN,
                    check=False,
                )
            self._program.wait(Deadline(STOPS_WITHIN))
        self._program.close()
        with contextlib.suppress(HarnessError):
            Deadline(STOPS_WITHIN).poll(lambda: state_of(self.serial) == GONE, "adb to notice")

    def close(self) -> None:
        """End the emulator."""
        self._resources.close()


def open_avd(target: Target, deadline: Deadline | None = None) -> AvdDevice:
    """Start an AVD and wait until Android on it is up: 300 s, and 1800 s without acceleration."""
    program = emulator_program()
    known = list_avds(program)
    if target.name not in known:
        raise UsageError(f"There is no AVD {target.name!r}. {_choice(known)}")
    accelerated, reason = acceleration(program)
    if not accelerated:
        say(f"the emulator has no acceleration here, and will be slow: {reason}")
    ensure_adb_server()
    command = [program, "-avd", target.name, *FOR_CI, "-accel", "on" if accelerated else "off"]
    with contextlib.ExitStack() as resources:
        directory = resources.enter_context(run_directory())
        port = _take_console_port(resources)
        device = AvdDevice(target, command, port, directory)
        resources.callback(device._stop)
        with step(f"starting {target}"):
            device.start(deadline or Deadline(START_SECONDS if accelerated else SOFTWARE_START_SECONDS))
        device._resources = resources.pop_all()
    return device


def emulator_program() -> str:
    """The path of `emulator`: of the SDK at $ANDROID_HOME or $ANDROID_SDK_ROOT, or on the PATH."""
    for variable in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        program = Path(os.environ.get(variable, "/nonexistent")) / "emulator" / "emulator"
        if os.access(program, os.X_OK):
            return str(program)
    found = shutil.which("emulator")
    if found is None:
        raise SetupError(
            "The Android SDK's emulator is neither below $ANDROID_HOME or $ANDROID_SDK_ROOT nor on the PATH. "
            "Install it with `sdkmanager emulator`, then export ANDROID_HOME=DIRECTORY."
        )
    return found


def list_avds(program: str) -> list[str]:
    """The names of this user's AVDs."""
    said = _run(program, "-list-avds")
    # Recent emulators put log lines, such as “INFO    | …”, before the names.
    return [line for line in said.stdout.split("\n") if re.fullmatch(r"[\w.-]+", line)]


def acceleration(program: str) -> tuple[bool, str]:
    """Whether the emulator can run a guest on the processor itself, and what it says about that."""
    said = _run(program, "-accel-check", check=False)
    # The answer stands between two lines “accel:” and “accel”: a number, then a sentence.
    _, _, answer = said.stdout.partition("accel:\n")
    return said.returncode == 0, " ".join(answer.removesuffix("accel\n").split("\n")[1:]).strip()


def _run(program: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [program, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWERS_WITHIN,
            check=check,
        )
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", "") or ""
        raise SetupError(f"`{program} {' '.join(words)}` failed: {error}\n{said}".rstrip()) from error


def _take_console_port(resources: contextlib.ExitStack) -> int:
    """A free even port whose neighbour is free too, kept from other runs until `resources` are closed."""
    for port in CONSOLE_PORTS:
        with contextlib.suppress(HarnessError), contextlib.ExitStack() as attempt:
            attempt.enter_context(device_lock(f"console-port-{port}", Deadline(0)))
            if not answers(port) and not answers(port + 1):
                resources.push(attempt.pop_all())
                return port
    raise SetupError(
        f"All console ports from {CONSOLE_PORTS[0]} to {CONSOLE_PORTS[-1]} are in use: end an emulator."
    )


def _choice(names: list[str]) -> str:
    if not names:
        return "There is none yet: create one with `avdmanager create avd` or Android Studio."
    return "There are:\n" + "\n".join(f"  avd:{name}" for name in names)


def _open(target: Target, deadline: Deadline | None) -> LifeLine:
    return open_avd(target, deadline)


def _offers() -> list[Offer]:
    try:
        names = list_avds(emulator_program())
    except SetupError as error:
        return [Offer(KIND.name, False, str(error))]
    if not names:
        return [Offer(KIND.name, False, _choice(names))]
    return [Offer(f"{KIND.name}:{name}", True, "an AVD of the Android SDK") for name in names]


KIND = Kind(
    "avd",
    "an AVD of the Android SDK, started without a window; nothing is kept of what a run does to it",
    (),
    _open,
    _offers,
    names="NAME",
    name_required=True,
)
