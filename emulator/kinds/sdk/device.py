"""An emulator of the Android SDK that runs without a window, as the controller of a device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.adb.adbd import become_root
from emulator.adb.android_start import AndroidStart
from emulator.adb.client import GONE, AdbClient, is_address
from emulator.adb.states import wait_until_reached
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.progress import report, step
from emulator.cache.run_directory import run_directory
from emulator.host.host import Host, SupervisedProgram, on, serial_from_here, take_free
from emulator.kinds.sdk.avd import Avd
from emulator.kinds.sdk.console import EmulatorConsole
from emulator.kinds.sdk.program import acceleration, emulator_program

CONSOLE_PORTS = range(5554, 5586, 2)
"""Even ports; adb looks for emulators at those between (developer.android.com, adb, “How adb works”)."""
START_SECONDS = 300.0
FIRST_START_SECONDS = 600.0
"""Of an AVD that has never booted: Android then compiles and sets up its packages."""
SOFTWARE_START_SECONDS = 1800.0
"""Without acceleration a current image takes many minutes."""
STOPS_WITHIN = 20.0

WITHOUT_A_SCREEN = ("-no-window", "-no-audio", "-no-boot-anim", "-gpu", "auto")
"""developer.android.com/studio/run/emulator-commandline, “Startup options”. `auto` takes the host's GPU where
there is one and SwiftShader where not, as an AVD's own configuration does."""
WITHOUT_ADB_SERVER = {"ANDROID_ADB_SERVER_PORT": "1"}
"""An emulator announces itself to the adb server of its machine (AOSP, AdbHostServer.cpp), which would take
the connection that is meant for ours, through the tunnel. On port 1 there is no server."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """The SDK's emulator on a host, and whether the processor itself runs its guests."""

    host: Host
    program: str
    accelerated: bool

    def start_seconds(self, *, booted: bool) -> float:
        """How long a start may take, of an AVD that has booted before or has not."""
        if not self.accelerated:
            return SOFTWARE_START_SECONDS
        return START_SECONDS if booted else FIRST_START_SECONDS


def find_emulator(host: Host) -> Emulator:
    """The emulator on a host; reports why where it is slow there. SetupError where there is none."""
    program = emulator_program(host)
    accelerated, reason = acceleration(host, program)
    if not accelerated:
        report(f"the emulator has no acceleration{on(host) or ' here'} and is slow: {reason}")
    return Emulator(host, program, accelerated)


class AvdDevice:
    """The controller of an emulator on an AVD that is ours, such as a copy of the user's."""

    disposable = True

    def __init__(
        self,
        target: str,
        emulator: Emulator,
        avd: Avd,
        port: int,
        log: Path,
        resources: contextlib.ExitStack,
        *,
        snapshot: str = "",
        renew: Callable[[], object] = lambda: None,
    ) -> None:
        host = emulator.host
        self.target = target
        self.rollback_seconds = emulator.start_seconds(booted=avd.booted)
        self.serial = serial_from_here(host, port + 1, f"emulator-{port}", resources)
        self._host = host
        self._adb = AdbClient()
        self._port = port
        self._command = [emulator.program, "-avd", avd.name, *WITHOUT_A_SCREEN, *_snapshot(snapshot)]
        self._command += ["-accel", "on" if emulator.accelerated else "off", "-port", str(port)]
        self._environment = {"ANDROID_AVD_HOME": avd.home}
        if host.address:
            # It does not know our key, and nobody is there to confirm it.
            self._command.append("-skip-adb-auth")
            self._environment |= WITHOUT_ADB_SERVER
        self._log = log
        self._renew = renew
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
        self._program = self._host.start(self._command, self._log, environment=self._environment)
        AndroidStart(self._adb, self.serial, lambda: self.alive, self.loss_reason).wait(deadline)
        become_root(self._adb, self.serial, deadline)

    def restart(self, deadline: Deadline) -> None:
        """Start it anew, with the same serial and the same disks, or those of its snapshot."""
        self._stop()
        self.start(deadline)

    def rollback(self, deadline: Deadline) -> None:
        """Start it anew on new disks, or from its snapshot, which holds the disks as they were."""
        self._stop()
        self._renew()
        self.start(deadline)

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


def boot_once(emulator: Emulator, avd: Avd) -> None:
    """Boot an AVD of ours for the first time, have everything written to its disks, and end it.

    Raises DeviceLostError where it does not boot within 600 s, or 1800 s without acceleration.
    """
    with contextlib.ExitStack() as resources:
        log = resources.enter_context(run_directory()) / "emulator.log"
        port = take_console_port(emulator.host, resources)
        device = AvdDevice(f"avd:{avd.name}", emulator, avd, port, log, resources)
        with step(f"booting {avd.name} for the first time, which takes minutes"):
            device.start(Deadline(emulator.start_seconds(booted=False)))
        AdbClient().output(device.serial, "sync")


def take_console_port(host: Host, resources: contextlib.ExitStack) -> int:
    """A free even port, the next one free too; other runs cannot take it until `resources` are closed.

    Raises SetupError where there is none.
    """
    port = take_free(host, "console-port", CONSOLE_PORTS, lambda port: (port, port + 1), resources)
    if port is not None:
        return port
    first, last = CONSOLE_PORTS[0], CONSOLE_PORTS[-1]
    where = on(host) or " here"
    raise SetupError(f"All console ports from {first} to {last}{where} are in use: end an emulator.")


def _snapshot(name: str) -> list[str]:
    """The flags with which it boots, or starts from a snapshot or fails.

    The last needs emulator 34.2.14 and later (Android's Gradle plugin, EmulatorVersionMetadata).
    """
    if not name:
        return ["-no-snapshot"]
    return ["-snapshot", name, "-no-snapshot-save", "-force-snapshot-load"]
