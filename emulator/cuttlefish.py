"""Cuttlefish, Android's virtual device: started for a run by its own programs, and ended with it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from emulator.adb_devices import REACHED, disconnect, explain, state_of
from emulator.adb_server import answers, ensure_adb_server
from emulator.adb_services import become_root
from emulator.android_start import AndroidStart
from emulator.cache import cache_root
from emulator.cuttlefish_tools import FIRST_PORT, Cvd, LaunchCvd, Tool, call, program
from emulator.deadline import Deadline
from emulator.device_lock import device_lock
from emulator.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.last_will import LastWill
from emulator.lifeline import LifeLine
from emulator.progress import step
from emulator.run_directory import run_directory
from emulator.target import Kind, Offer, Target

START_SECONDS = 600.0
STOPS_WITHIN = 120.0
MOST_INSTANCES = 128
BOOT_FAILED = "VIRTUAL_DEVICE_BOOT_FAILED"
"""host/libs/config/config_constants.h of android-cuttlefish, kBootFailedMessage."""
SHOWN_LOGS = ("launcher.log", "kernel.log")
SHOWN_LINES = 15


class CuttlefishDevice:
    """The life line of a Cuttlefish instance that was started for the run."""

    disposable = True

    def __init__(self, target: Target, tool: Tool, log: Path, resources: contextlib.ExitStack) -> None:
        self.target = str(target)
        self.serial = ""
        self._tool = tool
        self._log = log
        self._resources = resources

    @property
    def alive(self) -> bool:
        """Whether adb reaches it: its own programs restart a virtual machine that ends."""
        with contextlib.suppress(HarnessError):
            return state_of(self.serial) == REACHED
        return False

    def why_lost(self) -> str:
        """How adb sees it, with the last lines of its logs."""
        return f"{explain(self.serial, state_of(self.serial))}\n{self._last_lines()}"

    def start(self, deadline: Deadline) -> None:
        """Start it, wait for Android, and become root where the image allows that."""
        self._call(self._tool.start, deadline)
        self.serial = self._tool.serial()
        self._resources.callback(disconnect, self.serial)
        self._wait(deadline)

    def restart(self, deadline: Deadline) -> None:
        """Reset it and wait for Android."""
        disconnect(self.serial)
        for command in self._tool.restart:
            self._call(command, deadline)
        self._wait(deadline)

    def _wait(self, deadline: Deadline) -> None:
        # Its launcher has said that Android is up; what is not up now is told when the time is over.
        AndroidStart(self.serial, lambda: True, self.why_lost).wait(deadline)
        become_root(self.serial, deadline)

    def _call(self, command: list[str], deadline: Deadline) -> None:
        status = call(command, self._tool.environment, self._log, deadline)
        if status == 0:
            return
        how = (
            f"failed with status {status}" if status is not None else f"did not end in {deadline.seconds:g} s"
        )
        raise DeviceLostError(
            f"`{' '.join(command)}` {how}.\n{self._last_lines()}\n{self._kept_logs()}".rstrip()
        )

    def _last_lines(self) -> str:
        """The end of what the programs and the device's logs say, and whether they tell of a failed boot."""
        shown = []
        for log in (self._log, *self._logs()):
            with contextlib.suppress(OSError):
                lines = log.read_text(errors="replace").splitlines()
                failed = f", which says {BOOT_FAILED}" if any(BOOT_FAILED in line for line in lines) else ""
                shown += [f"The last lines of {log.name}{failed}:", *lines[-SHOWN_LINES:]]
        return "\n".join(shown)

    def _logs(self) -> Iterator[Path]:
        with contextlib.suppress(HarnessError, OSError, KeyError):
            directory = self._tool.logs()
            yield from (directory / name for name in SHOWN_LOGS)

    def _kept_logs(self) -> str:
        """All its logs copied to where they outlive it, in words; nothing where there are none."""
        with contextlib.suppress(HarnessError, OSError, KeyError):
            kept = Path(tempfile.mkdtemp(prefix="cuttlefish-logs-", dir=cache_root()))
            shutil.copytree(self._tool.logs(), kept, dirs_exist_ok=True)
            return f"All its logs: {kept}"
        return ""

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        self._resources.close()


def open_cuttlefish(target: Target, deadline: Deadline | None = None) -> CuttlefishDevice:
    """Start Cuttlefish and wait until Android on it is up: 600 s unless `deadline` says otherwise.

    The images are those that its programs find by themselves: ANDROID_HOST_OUT and ANDROID_PRODUCT_OUT, or
    the home or current directory.
    """
    if target.name and not (target.name.isdecimal() and 1 <= int(target.name) <= MOST_INSTANCES):
        raise UsageError(f"cuttlefish:N takes a number from 1 to {MOST_INSTANCES}, not {target.name!r}.")
    number = int(target.name) if target.name else None
    chosen = program()
    ensure_adb_server()
    with contextlib.ExitStack() as resources:
        directory = resources.enter_context(run_directory())
        if number or chosen == "launch_cvd":
            number = _take_number(number, resources)
        tool: Tool = Cvd(number) if chosen == "cvd" else LaunchCvd(number or 1)
        will = LastWill(tool.stop, environment=tool.environment)
        resources.callback(lambda: will.execute(Deadline(STOPS_WITHIN)))
        device = CuttlefishDevice(target, tool, directory / f"{chosen}.log", resources)
        with step(f"starting {target}"):
            device.start(deadline or Deadline(START_SECONDS))
        device._resources = resources.pop_all()
    return device


def _take_number(wanted: int | None, resources: contextlib.ExitStack) -> int:
    """An instance number whose port is free, kept from other runs until `resources` are closed."""
    for number in [wanted] if wanted else range(1, MOST_INSTANCES + 1):
        with contextlib.suppress(HarnessError), contextlib.ExitStack() as attempt:
            attempt.enter_context(device_lock(f"cuttlefish-{number}", Deadline(0)))
            if not answers(FIRST_PORT + number - 1):
                resources.push(attempt.pop_all())
                return number
    which = f"The Cuttlefish instance {wanted} runs" if wanted else "All Cuttlefish instances run"
    raise SetupError(
        f"{which} already. Use it as it is (`binder-harness devices` lists it), stop it with `cvd stop`, or "
        "leave the number out for a free one."
    )


def _open(target: Target, deadline: Deadline | None) -> LifeLine:
    return open_cuttlefish(target, deadline)


def _offers() -> list[Offer]:
    try:
        return [Offer(KIND.name, True, f"started by {program()}")]
    except SetupError as error:
        return [Offer(KIND.name, False, str(error))]


KIND = Kind(
    "cuttlefish",
    "Android's virtual device, started by cvd or launch_cvd; removed after the run",
    (),
    _open,
    _offers,
    names="N",
)
