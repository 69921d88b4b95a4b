"""Cuttlefish, Android's virtual device: started and ended by its own programs, here or elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from emulator.adb.adbd import become_root
from emulator.adb.android_start import AndroidStart
from emulator.adb.client import GONE, REACHED, AdbClient
from emulator.adb.states import explain, wait_until_reached
from emulator.base.command import script
from emulator.base.controller import Controller, close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, SetupError, TimeLimitError, UsageError
from emulator.base.lines import last_lines
from emulator.base.progress import report, step
from emulator.host.host import CleanupCommand, Host, check_output, on, serial_from_here, take_free
from emulator.host.opening import open_host
from emulator.kinds.cuttlefish.artifacts import find_artifacts
from emulator.kinds.cuttlefish.doctor import host_checks
from emulator.kinds.cuttlefish.host import USUAL_INSTANCES, read_host
from emulator.kinds.cuttlefish.tools import (
    FIRST_PORT,
    Cvd,
    LaunchCvd,
    Tool,
    cvd_unless_launcher,
    new_home,
)
from emulator.target import HOST, DeviceKind, Offer, Option, Target, on_host

START_SECONDS = 660.0
"""Its own run_cvd gives up a boot after 600 s (android-cuttlefish 1.57, host/commands/run_cvd/
boot_state_machine.cc, boot_timeout_secs), and says why: it is allowed to."""
STOPS_WITHIN = 120.0
ANSWERS_WITHIN = 20.0
MOST_INSTANCES = 128
"""Its network addresses end there (debian/cuttlefish-base.cuttlefish-host-resources.init)."""
CONNECTOR_PORT = 5037
CONNECTOR_NOTICES_WITHIN = 7.0
"""Its adb_connector asks the device for its uptime every 5 s over the adb server on port 5037, and
disconnects one that does not answer, such as one whose adbd restarts; it connects again 5 s later
(host/frontend/adb_connector/adb_connection_maintainer.cpp, WaitForAdbDisconnection)."""
BOOT_FAILED = "VIRTUAL_DEVICE_BOOT_FAILED"
"""host/libs/config/config_constants.h of android-cuttlefish, kBootFailedMessage."""
SHOWN_LOGS = ("launcher.log", "kernel.log")


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
        there = listed_serial(self._tool.serials(), self._adb.state)
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
        changed = become_root(self._adb, self.serial, deadline)
        if changed and not self._host.address and self._adb.port == CONNECTOR_PORT:
            outlast_connector(lambda: self.alive, self.reconnect, deadline)

    def _call(self, command: list[str], deadline: Deadline) -> None:
        finished = self._host.run(command, deadline=deadline, environment=self._tool.environment)
        self._output += finished.output + finished.errors
        if finished.status == 0:
            return
        failed = f"`{' '.join(command)}` {finished.failure(deadline.seconds)}."
        shown = (failed, self._last_lines(), self._what_the_host_lacks(), self._kept_logs())
        raise DeviceLostError("\n".join(filter(None, shown)))

    def _what_the_host_lacks(self) -> str:
        """A sentence for each thing that Cuttlefish needs and its host does not have."""
        with contextlib.suppress(HarnessError):
            lacking = [check for check in host_checks(read_host(self._host)) if not check.ok]
            return "\n".join(f"Perhaps: {check.detail}. To fix it: {check.fix}." for check in lacking)
        return ""

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
            copy = script(__file__, "keep_logs.sh", self._tool.logs(), self._host.directory)
            kept = check_output(self._host, copy, ANSWERS_WITHIN).strip()
            return f"All its logs{on(self._host)}: {kept}"
        return ""

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        self._resources.close()


def listed_serial(serials: list[str], state: Callable[[str], str]) -> str:
    """The address under which adb lists it already, so that it is not connected twice; else the first."""
    return next((serial for serial in serials if state(serial) != GONE), serials[0])


def outlast_connector(
    alive: Callable[[], bool],
    reconnect: Callable[[Deadline], None],
    deadline: Deadline,
    notices_within: float = CONNECTOR_NOTICES_WITHIN,
) -> None:
    """Let Cuttlefish's own adb_connector lose the device once, where it noticed that adbd restarted."""
    with contextlib.suppress(TimeLimitError):
        deadline.within(notices_within).poll(lambda: not alive(), "adb_connector's next look", interval=0.2)
        report("Cuttlefish's adb_connector disconnected the device when its adbd restarted: connecting again")
    reconnect(deadline)


def open_cuttlefish(target: Target, deadline: Deadline | None = None) -> CuttlefishDevice:
    """Start Cuttlefish and wait until Android on it is up: for 660 s, or until `deadline`.

    Raises UsageError for a number that no instance has, and what `open_target` does.
    """
    if target.name and not (target.name.isdecimal() and 1 <= int(target.name) <= MOST_INSTANCES):
        raise UsageError(f"cuttlefish:N takes a number from 1 to {MOST_INSTANCES}, not {target.name!r}.")
    number = int(target.name) if target.name else None
    with close_on_failure() as resources:
        host = resources.enter_context(open_host(target.option("host")))
        artifacts = find_artifacts(host, target.option("host_path"), target.option("product_path"))
        program = cvd_unless_launcher(host, artifacts)
        AdbClient().ensure_server()
        if number or program is None:
            number = take_number(host, number, resources)
        home = new_home(host)
        tool: Tool
        if program is None:
            tool = LaunchCvd(host, artifacts, home, number or 1)
        else:
            tool = Cvd(host, program, artifacts, home, number)
        cleanup = host.cleanup_command(tool.stop, environment=tool.environment)
        resources.callback(_remove, cleanup, home, host)
        device = CuttlefishDevice(target, host, tool, resources)
        with step(f"starting {target}"):
            device.start(deadline or Deadline(START_SECONDS))
    return device


def _remove(cleanup: CleanupCommand, home: str, host: Host) -> None:
    if cleanup.execute(Deadline(STOPS_WITHIN)) != 0:
        report(
            f"Cuttlefish{on(host)} could not be stopped: what it wrote is still in {home}. "
            "`cvd fleet` shows what runs."
        )


def take_number(host: Host, wanted: int | None, resources: contextlib.ExitStack) -> int:
    """An instance number whose port is free; other runs cannot take it until `resources` are closed.

    Raises SetupError where none is, or the wanted one is not.
    """
    available = read_host(host).instances
    if wanted and available and wanted not in available:
        raise SetupError(
            f"Cuttlefish instance {wanted} has no network interfaces{on(host)}: those with cvd-mtap-NN are "
            f"{available[0]} to {available[-1]}. Take one of these, or raise num_cvd_accounts in "
            "/etc/default/cuttlefish-host-resources and restart the service cuttlefish-host-resources."
        )
    numbers = [wanted] if wanted else list(available or USUAL_INSTANCES)
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
        artifacts = find_artifacts(host)
        program = cvd_unless_launcher(host, artifacts)
    except SetupError as error:
        return [Offer(KIND.name, False, str(error))]
    starter = program or f"{artifacts.host_path}/bin/launch_cvd"
    return [
        Offer(
            on_host(KIND.name, host),
            True,
            f"started by {starter}, with the images in {artifacts.product_path}",
        )
    ]


def _directory(name: str, summary: str) -> Option:
    return Option(
        name, summary, "", lambda text: text.startswith("/"), "an absolute path on the machine it runs on"
    )


KIND = DeviceKind(
    "cuttlefish",
    "Android's virtual device, started by cvd or launch_cvd; removed after the run",
    (
        _directory("host_path", "the directory of its host tools; without it, where `cvd create` looks"),
        _directory(
            "product_path",
            "the directory of its images; without it, host_path's, or where `cvd create` looks",
        ),
        HOST,
    ),
    _open,
    _offers,
    names="N",
)
