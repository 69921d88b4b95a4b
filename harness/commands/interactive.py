"""`shell`, `repl` and `boot`: a booted device to try things on by hand."""

from __future__ import annotations

import code
import importlib
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import TARGET_HELP, Cold, Host, Target, started

if TYPE_CHECKING:
    from harness.device import Device

TAKES_ANY_ARGUMENT = {"ignore_unknown_options": True, "allow_interspersed_args": False}

FIRST_EXPERIMENT = """
The device {serial} is up: Linux {release}, {page_size}-byte pages. Try this:

  server, client = device.process(), device.process()
  manager = Binder.open(server, "{node}")
  manager.become_context_manager()
  manager.serve(lambda call: Parcel().int32(call.data.int32() + 1))
  Binder.open(client, "{node}").transact(handle=0, code=1, data=Parcel().int32(41)).int32()

At hand: device, {names}. Ctrl-D ends the prompt and the device.
"""

NEXT_COMMANDS = """
The device is up until Ctrl-C: {serial}

  {adb} -s {serial} shell
  {adb} -s {serial} shell ls {debug}
  {binder_harness} verify --target adb:{serial}
"""


def shell(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="COMMAND", help="Run this; without it, a shell.")
    ] = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
) -> None:
    """Boot a device and open `adb shell` on it.

    \b
    binder-harness shell
    binder-harness shell cat /proc/misc
    binder-harness shell --target adb -- ps -A

    The exit status is the command's.
    """
    from harness.commands.adb import adb_program
    from harness.device import open_device

    with open_device(started(target, cold=cold, host=host)) as device:
        finished = subprocess.run(
            [adb_program(), "-s", device.serial, "shell", *(command or [])], check=False
        )
    raise typer.Exit(finished.returncode)


def repl(target: Target = "embedded", cold: Cold = False, host: Host = None) -> None:
    """Boot a device and open a Python prompt on it.

    `device`, `Binder`, `Parcel` and all else that the package `harness` offers are at hand.
    """
    from harness.device import open_device

    with open_device(started(target, cold=cold, host=host)) as device:
        names = _names(device)
        _complete_with(names)
        code.interact(_banner(device, sorted(names)), local=names, exitmsg="")


def _names(device: Device) -> dict[str, object]:
    """What the prompt starts with: all that the package `harness` offers, and the device."""
    package = importlib.import_module("harness")
    return {name: getattr(package, name) for name in package.__all__} | {"device": device}


def _complete_with(names: dict[str, object]) -> None:
    try:
        import readline
    except ImportError:  # a Python built without it still has a prompt
        return
    import rlcompleter

    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")


def _banner(device: Device, names: list[str]) -> str:
    return FIRST_EXPERIMENT.format(
        serial=device.serial,
        release=device.facts.kernel_release,
        page_size=f"{device.facts.page_size:,}",
        node=device.facts.free_binder_device or "/dev/binder",
        names=", ".join(name for name in names if name != "device"),
    )


def boot(
    target: Annotated[str, typer.Argument(metavar="TARGET", help=TARGET_HELP)] = "embedded",
    cold: Cold = False,
    host: Host = None,
) -> None:
    """Boot a device and keep it running until Ctrl-C.

    \b
    binder-harness boot
    """
    from emulator.deadline import Deadline
    from emulator.errors import DeviceLostError, UsageError
    from emulator.target import parse_target
    from harness.device import open_device

    if not parse_target(target).kind.starts:
        raise UsageError(f"{target} needs no booting: it runs already. See `binder-harness devices`.")
    with open_device(started(target, cold=cold, host=host)) as device:
        print(_next_commands(device), flush=True)
        Deadline(math.inf).poll(lambda: not device.alive, "the end of the device", interval=0.5)
        raise DeviceLostError(f"The device {device.serial} ended by itself.\n{device.console_tail()}")


def _next_commands(device: Device) -> str:
    """What to type next, in words that this user's shell finds."""
    from harness.commands.adb import adb_program

    adb = adb_program()
    ours = shutil.which("binder-harness")
    return NEXT_COMMANDS.format(
        serial=device.serial,
        debug=device.facts.binder_debug or "/dev",
        adb="adb" if adb == shutil.which("adb") else adb,
        binder_harness="binder-harness" if ours else Path(sys.executable).with_name("binder-harness"),
    )
