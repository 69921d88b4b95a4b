"""`boot`: a device for the user's own adb, watched over until it is no longer wanted."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError, UsageError
from emulator.base.progress import report
from harness.commands.options import (
    ActivityStandin,
    Cold,
    Host,
    PositionalTarget,
    Target,
    activity_manager,
    one_target,
    started,
)

if TYPE_CHECKING:
    from harness.agent.program import RemoteProgram
    from harness.device.device import Device

LOOK_EVERY = 0.5
"""Seconds between two looks at the device."""
AT_ONCE = 2.0
"""Seconds within which a stand-in that was started again ends, if it would do so over and over."""
STATUS_SECONDS = 1.0

ADB_PORT = 5037
"""Where adb looks for its server unless told otherwise."""
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

    When adb's server ends meanwhile, as by `adb kill-server` elsewhere, or the device restarts, it is
    connected again. The stand-in is started again whenever it ends. The exit status is 3 when the device
    ends by itself.
    """
    from harness.device.device import open_device

    wanted = started(one_target(context, positional, target), cold=cold, host=host)
    if not wanted.kind.starts:
        raise UsageError(f"{wanted} needs no booting: it runs already. See `binder-harness devices`.")
    with open_device(wanted) as device:
        _keep(device, standin=activity_standin)


def _keep(device: Device, *, standin: bool) -> NoReturn:
    """Keep adb and, where it is wanted, the stand-in on the device; DeviceLostError at the device's end."""
    news = _next_commands(device, BROADCAST if standin else _records(device))
    again = ""  # how the stand-in ended for which it was started again
    while True:
        at_once = Deadline(AT_ONCE)
        try:
            # The stand-in runs on a connection of adb's, and ends with it.
            with activity_manager(device, standin=standin) as program:
                print(news, flush=True)
                ended = _wait_for_an_end(device, program)
        except HarnessError:
            # A device that restarts ends its processes first: adb may be lost while one is started again.
            if not device.alive or _reached(device.serial):
                raise
            ended = None
        if ended and again and not at_once.expired:
            raise HarnessError(f"The stand-in was started again on {device.serial}, and it {ended}.")
        again = ended or ""
        if ended:
            report(f"the stand-in {ended}: starting it again")
            news = f"the stand-in runs again on {device.serial}"
        else:
            report(f"adb no longer reaches {device.serial}: connecting again")
            _reconnect(device)
            news = f"adb reaches {device.serial} again"
            if standin and not device.facts.framework:
                news += ", and the stand-in runs there"
        device.reset_after_reboot()  # the user may have restarted it


def _wait_for_an_end(device: Device, program: RemoteProgram | None) -> str | None:
    """How the program ended, in words; None where adb lost the device, and the program with it.

    Raises DeviceLostError at the device's end.
    """

    def ended() -> bool:
        return not device.alive or not _reached(device.serial) or (program is not None and program.ended)

    Deadline(math.inf).poll(ended, f"the end of {device.serial}", interval=LOOK_EVERY)
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
    """Have an adb server reach the device again, one of our own where there is none; else DeviceLostError."""
    from emulator.base.controller import CanReconnect
    from emulator.target import START_SECONDS

    assert isinstance(device.controller, CanReconnect)  # as is every device that is started here
    # It may as well be starting again, after `adb reboot`.
    device.controller.reconnect(Deadline(START_SECONDS))


def _next_commands(device: Device, example: str) -> str:
    """What to type next, in words that this user's shell finds."""
    from emulator.adb.server import server_port
    from harness.commands.adb import adb_program

    adb, port = adb_program(), server_port()
    ours = shutil.which("binder-harness")
    return NEXT_COMMANDS.format(
        serial=device.serial,
        example=example,
        adb=("adb" if adb == shutil.which("adb") else adb) + ("" if port == ADB_PORT else f" -P {port}"),
        binder_harness="binder-harness" if ours else Path(sys.executable).with_name("binder-harness"),
    )


def _records(device: Device) -> str:
    return f"ls {device.facts.binder_debug or '/dev'}"
