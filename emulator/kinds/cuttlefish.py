"""Cuttlefish, Android's virtual device: started and ended by its own programs, here or elsewhere."""

from __future__ import annotations

import contextlib

from emulator.adb.adbd import become_root
from emulator.adb.android_start import AndroidStart
from emulator.adb.client import REACHED, AdbClient
from emulator.adb.states import explain, wait_until_reached
from emulator.base.controller import Controller, close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.base.lines import last_lines
from emulator.base.progress import step
from emulator.host.host import Host, check_output, on, serial_from_here, take_free
from emulator.host.opening import open_host
from emulator.kinds.cuttlefish_tools import FIRST_PORT, Cvd, LaunchCvd, Tool, program
from emulator.target import HOST, DeviceKind, Offer, Target, on_host

START_SECONDS = 600.0
STOPS_WITHIN = 120.0
ANSWERS_WITHIN = 20.0
MOST_INSTANCES = 128
BOOT_FAILED = "VIRTUAL_DEVICE_BOOT_FAILED"
"""host/libs/config/config_constants.h of android-cuttlefish, kBootFailedMessage."""
SHOWN_LOGS = ("launcher.log", "kernel.log")
KEEP = """
mkdir -p "$2"
kept=$(mktemp -d "$2/cuttlefish-logs-XXXXXX") && cp -r "$1/." "$kept" && echo "$kept"
"""


class CuttlefishDevice:
    """The controller of a Cuttlefish instance that was started for the run."""

    disposable = True

    def __init__(self, target: Target, host: Host, tool: Tool, resources: contextlib.ExitStack) -> None:
        self.target = str(target)
        self.serial = ""
        self._host = host
        self._adb = AdbClient()
        self._tool = tool
        self._output = ""
        """Of its programs, so far."""
        self._resources = resources

    @property
    def alive(self) -> bool:
        """Whether adb reaches it: its own programs restart a virtual machine that ends."""
        with contextlib.suppress(HarnessError):
            return self._adb.state(self.serial) == REACHED
        return False

    def loss_reason(self) -> str:
        """Its state at the adb server, with the last lines of its logs."""
        return f"{explain(self.serial, self._adb.state(self.serial))}\n{self._last_lines()}"

    def start(self, deadline: Deadline) -> None:
        """Start it, wait for Android, and become root where the image allows that."""
        self._call(self._tool.start, deadline)
        there = self._tool.serial()
        self.serial = serial_from_here(self._host, int(there.rpartition(":")[2]), there, self._resources)
        self._resources.callback(self._adb.disconnect, self.serial)
        self._wait(deadline)

    def restart(self, deadline: Deadline) -> None:
        """Reset it and wait for Android."""
        self._adb.disconnect(self.serial)
        for command in self._tool.restart:
            self._call(command, deadline)
        self._wait(deadline)

    def reconnect(self, deadline: Deadline) -> None:
        """Make the adb server, which may be a new one, reach it again."""
        wait_until_reached(self._adb, self.serial, deadline)

    def _wait(self, deadline: Deadline) -> None:
        # Its launcher has reported that Android is up: it counts as alive until the time is over.
        AndroidStart(self._adb, self.serial, lambda: True, self.loss_reason).wait(deadline)
        become_root(self._adb, self.serial, deadline)

    def _call(self, command: list[str], deadline: Deadline) -> None:
        finished = self._host.run(command, deadline=deadline, environment=self._tool.environment)
        self._output += finished.output + finished.errors
        if finished.status == 0:
            return
        failure = finished.failure(deadline.seconds)
        raise DeviceLostError(
            f"`{' '.join(command)}` {failure}.\n{self._last_lines()}\n{self._kept_logs()}".rstrip()
        )

    def _last_lines(self) -> str:
        """The end of the programs' output and of each log, and which of them reports a failed boot."""
        shown = []
        logs = {"its programs' output": self._output}
        with contextlib.suppress(HarnessError):
            directory = self._tool.logs()
            for name in SHOWN_LOGS:
                logs[name] = check_output(self._host, ["cat", f"{directory}/{name}"], ANSWERS_WITHIN)
        for name, text in logs.items():
            failed = f", which reports {BOOT_FAILED}" if BOOT_FAILED in text else ""
            shown += [f"The last lines of {name}{failed}:", last_lines(text)]
        return "\n".join(shown)

    def _kept_logs(self) -> str:
        """A sentence that names the copy of all its logs, which outlives it; empty where there are none."""
        with contextlib.suppress(HarnessError):
            copy = ["sh", "-c", KEEP, "sh", self._tool.logs(), self._host.directory]
            kept = check_output(self._host, copy, ANSWERS_WITHIN).strip()
            return f"All its logs{on(self._host)}: {kept}"
        return ""

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        self._resources.close()


def open_cuttlefish(target: Target, deadline: Deadline | None = None) -> CuttlefishDevice:
    """Start Cuttlefish and wait until Android on it is up: for 600 s, or until `deadline`.

    Its own programs find the images: by ANDROID_HOST_OUT and ANDROID_PRODUCT_OUT, or in the home or current
    directory.
    """
    if target.name and not (target.name.isdecimal() and 1 <= int(target.name) <= MOST_INSTANCES):
        raise UsageError(f"cuttlefish:N takes a number from 1 to {MOST_INSTANCES}, not {target.name!r}.")
    number = int(target.name) if target.name else None
    with close_on_failure() as resources:
        host = resources.enter_context(open_host(target.option("host")))
        chosen = program(host)
        AdbClient().ensure_server()
        if number or chosen == "launch_cvd":
            number = _take_number(host, number, resources)
        tool: Tool = Cvd(host, number) if chosen == "cvd" else LaunchCvd(host, number or 1)
        cleanup = host.cleanup_command(tool.stop, environment=tool.environment)
        resources.callback(lambda: cleanup.execute(Deadline(STOPS_WITHIN)))
        device = CuttlefishDevice(target, host, tool, resources)
        with step(f"starting {target}"):
            device.start(deadline or Deadline(START_SECONDS))
    return device


def _take_number(host: Host, wanted: int | None, resources: contextlib.ExitStack) -> int:
    """An instance number whose port is free; other runs cannot take it until `resources` are closed."""
    numbers = [wanted] if wanted else range(1, MOST_INSTANCES + 1)
    number = take_free(host, "cuttlefish", numbers, lambda number: (FIRST_PORT + number - 1,), resources)
    if number is not None:
        return number
    which = f"The Cuttlefish instance {wanted} runs" if wanted else "All Cuttlefish instances run"
    raise SetupError(
        f"{which} already. Use it as it is (`binder-harness devices` lists it), stop it with `cvd stop`, or "
        "name no number, for a free one."
    )


def _open(target: Target, deadline: Deadline | None) -> Controller:
    return open_cuttlefish(target, deadline)


def _offers(host: Host) -> list[Offer]:
    try:
        return [Offer(on_host(KIND.name, host), True, f"started by {program(host)}")]
    except SetupError as error:
        return [Offer(KIND.name, False, str(error))]


KIND = DeviceKind(
    "cuttlefish",
    "Android's virtual device, started by cvd or launch_cvd; removed after the run",
    (HOST,),
    _open,
    _offers,
    names="N",
)
