"""The Android SDK's emulator: starts an AVD without a window for a run, here or on another machine."""

from __future__ import annotations

import contextlib
import re

from emulator.adb.adbd import become_root
from emulator.adb.android_start import AndroidStart
from emulator.adb.client import GONE, AdbClient, is_address
from emulator.adb.states import wait_until_reached
from emulator.base.controller import Controller, close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError, UsageError
from emulator.base.progress import report, step
from emulator.cache.run_directory import run_directory
from emulator.host.host import Host, SupervisedProgram, on, serial_from_here, take_free
from emulator.host.opening import open_host
from emulator.kinds.sdk_console import EmulatorConsole
from emulator.kinds.sdk_program import acceleration, emulator_program, list_avds
from emulator.target import HOST, DeviceKind, Offer, Option, Target, on_host

CONSOLE_PORTS = range(5554, 5586, 2)
"""Even ports; adb looks for emulators at those between (developer.android.com, adb, “How adb works”)."""
START_SECONDS = 300.0
SOFTWARE_START_SECONDS = 1800.0
"""Without acceleration a current image takes many minutes."""
STOPS_WITHIN = 20.0

FOR_CI = (
    *("-no-window", "-no-audio", "-no-boot-anim"),
    *("-gpu", "swiftshader_indirect"),
    # The AVD belongs to the user: nothing is written to it, and each start finds it unchanged.
    "-read-only",
)
"""developer.android.com/studio/run/emulator-commandline, “Startup options”."""
WITHOUT_ADB_SERVER = {"ANDROID_ADB_SERVER_PORT": "1"}
"""An emulator announces itself to the adb server of its machine (AOSP, AdbHostServer.cpp), which would take
the connection that is meant for ours, through the tunnel. On port 1 there is no server."""


class AvdDevice:
    """The controller of an AVD that was started for the run; writes to it are lost with it."""

    disposable = True

    def __init__(
        self, target: Target, host: Host, command: list[str], seconds: float, resources: contextlib.ExitStack
    ) -> None:
        port = _take_console_port(host, resources)
        self.target = str(target)
        self.rollback_seconds = seconds
        self.serial = serial_from_here(host, port + 1, f"emulator-{port}", resources)
        self._host = host
        self._adb = AdbClient()
        self._port = port
        self._command = [*command, "-port", str(port)]
        if host.address:
            # It does not know our key, and nobody is there to confirm it.
            self._command.append("-skip-adb-auth")
        self._log = resources.enter_context(run_directory()) / "emulator.log"
        self._program: SupervisedProgram | None = None
        self._resources = resources
        resources.callback(self._stop)

    @property
    def alive(self) -> bool:
        """Whether the emulator runs."""
        return self._program is not None and self._program.alive

    def loss_reason(self) -> str:
        """How the emulator ended, with the last lines of its output."""
        return self._program.how_it_ended() if self._program else "The emulator was not started."

    def start(self, deadline: Deadline) -> None:
        """Start the emulator, wait for Android, and become root where the image allows that."""
        environment = WITHOUT_ADB_SERVER if self._host.address else None
        self._program = self._host.start(self._command, self._log, environment=environment)
        AndroidStart(self._adb, self.serial, lambda: self.alive, self.loss_reason).wait(deadline)
        become_root(self._adb, self.serial, deadline)

    def restart(self, deadline: Deadline) -> None:
        """Start it anew, with the same serial."""
        self._stop()
        self.start(deadline)

    def rollback(self, deadline: Deadline) -> None:
        """Start it anew: no write has reached the AVD's files, and its snapshot is unchanged.

        The console refuses its own `avd snapshot load` for an AVD that runs read-only (AOSP, console.c).
        """
        self.restart(deadline)

    def reconnect(self, deadline: Deadline) -> None:
        """Make the adb server, which may be a new one, reach it again."""
        wait_until_reached(self._adb, self.serial, deadline)

    def _stop(self) -> None:
        """Ask the emulator to end, as `adb emu kill` does, and end it if it does not."""
        if self._program is None:
            return
        if self._program.alive:
            with contextlib.suppress(HarnessError), EmulatorConsole(self._host, self._port) as console:
                console.execute("kill")
            self._program.wait(Deadline(STOPS_WITHIN))
        self._program.close()
        if is_address(self.serial):
            self._adb.disconnect(self.serial)
        with contextlib.suppress(HarnessError):
            Deadline(STOPS_WITHIN).poll(
                lambda: self._adb.state(self.serial) == GONE, "adb to notice the emulator's end"
            )

    def close(self) -> None:
        """End the emulator."""
        self._resources.close()


def open_avd(target: Target, deadline: Deadline | None = None) -> AvdDevice:
    """Start an AVD and wait until Android on it is up: for 300 s, or 1800 s without acceleration."""
    with close_on_failure() as resources:
        host = resources.enter_context(open_host(target.option("host")))
        program = emulator_program(host)
        names = list_avds(host, program)
        if target.name not in names:
            raise UsageError(f"There is no AVD {target.name!r}. {_choice(host, names)}")
        accelerated, reason = acceleration(host, program)
        if not accelerated:
            report(f"the emulator has no acceleration{_on(host)} and is slow: {reason}")
        AdbClient().ensure_server()
        command = [program, "-avd", target.name, *FOR_CI, *_snapshot(target.option("snapshot"))]
        command += ["-accel", "on" if accelerated else "off"]
        seconds = START_SECONDS if accelerated else SOFTWARE_START_SECONDS
        device = AvdDevice(target, host, command, seconds, resources)
        with step(f"starting {target}"):
            device.start(deadline or Deadline(seconds))
    return device


def _snapshot(name: str) -> list[str]:
    """The flags with which it boots, or resumes from one of the user's snapshots or fails.

    The last needs emulator 34.2.14 and later (Android's Gradle plugin, EmulatorVersionMetadata).
    """
    if not name:
        return ["-no-snapshot"]
    return ["-snapshot", name, "-no-snapshot-save", "-force-snapshot-load"]


def _take_console_port(host: Host, resources: contextlib.ExitStack) -> int:
    """A free even port, the next one free too; other runs cannot take it until `resources` are closed."""
    port = take_free(host, "console-port", CONSOLE_PORTS, lambda port: (port, port + 1), resources)
    if port is not None:
        return port
    first, last = CONSOLE_PORTS[0], CONSOLE_PORTS[-1]
    raise SetupError(f"All console ports from {first} to {last}{_on(host)} are in use: end an emulator.")


def _choice(host: Host, names: list[str]) -> str:
    if not names:
        return f"There are none yet{_on(host)}: create one with `avdmanager create avd` or Android Studio."
    return "There are:\n" + "\n".join(f"  {on_host(f'avd:{name}', host)}" for name in names)


def _on(host: Host) -> str:
    return on(host) or " here"


def _open(target: Target, deadline: Deadline | None) -> Controller:
    return open_avd(target, deadline)


def _offers(host: Host) -> list[Offer]:
    try:
        names = list_avds(host, emulator_program(host))
    except SetupError as error:
        return [Offer(KIND.name, False, str(error))]
    if not names:
        return [Offer(KIND.name, False, _choice(host, names))]
    return [Offer(on_host(f"{KIND.name}:{name}", host), True, "an AVD of the Android SDK") for name in names]


KIND = DeviceKind(
    "avd",
    "an AVD of the Android SDK, started without a window; a run does not change it",
    (
        Option(
            "snapshot",
            "the snapshot of the AVD to start and roll back from, such as Quick Boot's default_boot; "
            "without it, the AVD boots",
            "",
            lambda text: re.fullmatch(r"[\w.-]+", text) is not None,
            "the name of one of the AVD's snapshots",
        ),
        HOST,
    ),
    _open,
    _offers,
    names="NAME",
    name_required=True,
)
