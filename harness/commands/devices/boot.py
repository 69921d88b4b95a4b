"""`boot`: starts a device for the user's own adb, and keeps adb connected to it until Ctrl-C."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, UsageError
from emulator.base.printable import show
from emulator.base.progress import report
from harness.commands.options import (
    ActivityStandin,
    Cold,
    Host,
    PositionalTarget,
    Target,
    activity_manager,
    one_target,
    with_start_options,
)

if TYPE_CHECKING:
    from harness.agent.program import RemoteProgram
    from harness.device.device import Device

POLL_SECONDS = 0.5
"""How often the device is checked."""
AT_ONCE = 2.0
"""A stand-in that ends within so many seconds of its restart is not started again."""
STATUS_SECONDS = 1.0

ADB_PORT = 5037
"""The default port of adb's server."""
NEXT_COMMANDS = """
The device is up until Ctrl-C: {serial}

  {adb} -s {serial} shell
  {adb} -s {serial} shell {example}
  {binder_harness} verify --target adb:{serial}
"""
BROADCAST = "cmd activity broadcast -a com.example.HELLO"


def boot(
    context: typer.Context,
    positional: PositionalTarget = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    activity_standin: ActivityStandin = False,
) -> None:
    """Boot a device for your own adb and keep it running until Ctrl-C.

    \b
    binder-harness boot
    binder-harness boot 'embedded?memory=1024'
    binder-harness boot --activity-standin

    When adb's server ends, as by `adb kill-server` elsewhere, or the device restarts, adb is connected to
    it again. When the stand-in ends, it is started again. The exit status is 3 when the device ends by
    itself.
    """
    from harness.device.device import open_device

    chosen = with_start_options(one_target(context, positional, target), cold=cold, host=host)
    if not chosen.kind.starts:
        raise UsageError(
            f"{chosen} runs already and cannot be booted. Targets that can: `binder-harness devices`."
        )
    with open_device(chosen) as device:
        _keep(device, standin=activity_standin)


def _keep(device: Device, *, standin: bool) -> NoReturn:
    """Keep adb connected and, with `standin`, the stand-in running; DeviceLostError when the device ends."""
    message = _next_commands(device, BROADCAST if standin else _debug_files(device))
    previous_end = ""  # how the stand-in ended before its restart
    while True:
        at_once = Deadline(AT_ONCE)
        try:
            # The stand-in runs on a connection of adb's, and ends with it.
            with activity_manager(device, standin=standin) as program:
                show(message, flush=True)
                end = _wait_for_an_end(device, program)
        except HarnessError:
            # A device that restarts ends its processes first: adb may be lost while the stand-in starts.
            if not device.alive or _reached(device.serial):
                raise
            end = None
        if end and previous_end and not at_once.expired:
            raise HarnessError(f"The stand-in was started again on {device.serial}, and it {end}.")
        previous_end = end or ""
        if end:
            report(f"the stand-in {end}: starting it again")
            message = f"the stand-in runs again on {device.serial}"
        else:
            report(f"adb no longer reaches {device.serial}: connecting again")
            _reconnect(device)
            message = f"adb is connected to {device.serial} again"
            if standin and not device.facts.framework:
                message += ", and the stand-in runs there"
        device.reset_after_reboot()  # the user may have restarted it


def _wait_for_an_end(device: Device, program: RemoteProgram | None) -> str | None:
    """How the program ended; None where adb lost the device, and with it the program.

    Raises DeviceLostError when the device ends.
    """

    def ended() -> bool:
        return not device.alive or not _reached(device.serial) or (program is not None and program.ended)

    Deadline(math.inf).poll(ended, f"the end of {device.serial}", interval=POLL_SECONDS)
    if not device.alive:
        raise DeviceLostError(f"The device {device.serial} ended by itself.\n{device.console_tail()}")
    if program is None or not program.ended or not _reached(device.serial):
        return None
    try:
        status = program.wait(Deadline(STATUS_SECONDS))
    except HarnessError:  # the connection broke off
        return None
    errors = program.standard_error.strip()
    return f"{status} ({errors})" if errors else str(status)


def _reached(serial: str) -> bool:
    from emulator.adb.client import REACHED, AdbClient

    try:
        return AdbClient().state(serial) == REACHED
    except HarnessError:  # the server is just ending
        return False


def _reconnect(device: Device) -> None:
    """Connect an adb server to the device again, our own where none runs; else DeviceLostError."""
    from emulator.base.controller import CanReconnect
    from emulator.target import START_SECONDS

    assert isinstance(device.controller, CanReconnect)  # true for every device that `boot` starts
    # After `adb reboot` the device is still starting.
    device.controller.reconnect(Deadline(START_SECONDS))


def _next_commands(device: Device, example: str) -> str:
    """The next commands to type, with programs that the user's shell finds."""
    from emulator.adb.server import server_port
    from harness.commands.devices.adb import adb_program

    adb, port = adb_program(), server_port()
    on_path = shutil.which("binder-harness")
    return NEXT_COMMANDS.format(
        serial=device.serial,
        example=example,
        adb=("adb" if adb == shutil.which("adb") else adb) + ("" if port == ADB_PORT else f" -P {port}"),
        binder_harness="binder-harness" if on_path else Path(sys.executable).with_name("binder-harness"),
    )


def _debug_files(device: Device) -> str:
    return f"ls {device.facts.binder_debug or '/dev'}"
