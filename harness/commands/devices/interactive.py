"""`shell` and `repl`: boot a device, and open a shell or a Python prompt on it."""

from __future__ import annotations

import code
import contextlib
import importlib
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.errors import UsageError
from emulator.base.interruption import at_a_prompt
from emulator.base.printable import printable
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
from harness.commands.text import wrapped

if TYPE_CHECKING:
    from harness.device.device import Device

PACKAGES = ("harness", "harness.binder")
"""Whose names are at hand."""
FURTHER = {
    "harness.binder.abi": ("commands", "returns"),
    "harness.binder.abi.structures": ("TransactionFlag",),
    "emulator.base.deadline": ("Deadline",),
}
"""Single names that are, too."""
FIRST_EXPERIMENT = """
The device {serial} is up: Linux {release}, {page_size}-byte pages. Try this:

  server, client = device.process(), device.process()
  manager = Binder.open(server, "{node}")
  manager.become_context_manager({as_user})
  manager.serve(lambda call: Parcel().int32(call.data.int32() + 1))
  Binder.open(client, "{node}").transact(handle=0, code=1, data=Parcel().int32(41)).int32()

  device.binder.process(server.pid).nodes    # its nodes, from the driver's debug files
  server.maps.at(manager.mapping)            # its mapping, from /proc
{more}
Defined: device, and
{names}
Ctrl-D ends the prompt and the device.
"""
FIRST_BROADCAST = """
The stand-in for Android's activity manager runs. Try this, too:

  with open_receiver(device, "com.example.HELLO") as receiver, open_sender(device) as sender:
      sender.send(Intent(action="com.example.HELLO", extras={"data": "Notice me senpai!"}))
      print(receiver.next(Deadline(10)).intent.extras)
"""


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("shell", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def shell(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="The command to run; without one, open a shell."),
    ] = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    activity_standin: ActivityStandin = False,
) -> None:
    """Boot a device and open `adb shell` on it, or run one command.

    \b
    binder-harness shell
    binder-harness shell cat /proc/misc
    binder-harness shell 'ls -d /dev/*binder* | wc -l'
    binder-harness shell "sh -c 'exit 5'"
    binder-harness shell --target adb ps -A
    binder-harness shell --activity-standin cmd activity broadcast -a a.B

    Options come before the command. As with `adb shell`, the command's words are joined with spaces, and
    the device's shell parses the line again: quote as a whole a command that contains quotes. The exit
    status is the command's.
    """
    from harness.commands.devices.adb import adb_program

    with _opened(target, cold=cold, host=host, activity_standin=activity_standin) as device:
        if not device.surroundings.is_android:
            raise UsageError(f"{device.serial} is reached without adb: use a shell or `ssh` of your own.")
        finished = subprocess.run(
            [adb_program(), "-s", device.serial, "shell", *(command or [])], check=False
        )
    raise typer.Exit(finished.returncode)


def repl(
    context: typer.Context,
    positional: PositionalTarget = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    activity_standin: ActivityStandin = False,
) -> None:
    """Boot a device and open a Python prompt on it.

    \b
    binder-harness repl
    binder-harness repl 'embedded?kernel=6.1'
    binder-harness repl --activity-standin

    `device` and all names of the packages `harness` and `harness.binder` are defined, such as `Binder`,
    `Parcel`, `ServiceManager` and `open_pair`, and for raw exchanges with the driver `commands`, `returns`
    and `TransactionFlag`; the prompt shows a first experiment. --activity-standin defines the names of
    harness.framework, too.
    """
    import rich.pretty

    chosen = one_target(context, positional, target)
    with _opened(chosen, cold=cold, host=host, activity_standin=activity_standin) as device:
        origins = _origins([*PACKAGES, *(["harness.framework"] if activity_standin else [])])
        names: dict[str, object] = {"device": device}
        for origin, names_there in origins.items():
            module = importlib.import_module(origin)
            names |= {name: getattr(module, name) for name in names_there}
        _complete_with(names)
        rich.pretty.install()
        banner = _banner(device, origins, FIRST_BROADCAST if activity_standin else "")
        with at_a_prompt():
            code.interact(printable(banner), local=names, exitmsg="")


@contextlib.contextmanager
def _opened(target: str, *, cold: bool, host: str | None, activity_standin: bool) -> Iterator[Device]:
    from harness.device.device import open_device

    with (
        open_device(with_start_options(target, cold=cold, host=host)) as device,
        activity_manager(device, standin=activity_standin),
    ):
        yield device


def _origins(packages: list[str]) -> dict[str, list[str]]:
    """The names that are defined, each once, by the module from which a program imports it."""
    public = {package: importlib.import_module(package).__all__ for package in packages}
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for origin, names in {**public, **FURTHER}.items():
        found[origin] = [name for name in names if name not in seen]
        seen.update(names)
    return found


def _complete_with(names: dict[str, object]) -> None:
    try:
        import readline
    except ImportError:  # a Python built without it still has a prompt
        return
    import rlcompleter

    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")


def _banner(device: Device, origins: dict[str, list[str]], more: str) -> str:
    from harness.binder.pair import SYSTEM_USER

    node = device.facts.free_binder_device
    # One that is not the run's own was taken as the user of Android's service managers: see free_device.
    contained = not device.surroundings.is_android and node in device.facts.binder_devices
    return FIRST_EXPERIMENT.format(
        serial=device.serial,
        release=device.facts.kernel_release,
        page_size=f"{device.facts.page_size:,}",
        node=node or "/dev/binder",
        as_user=f"uid={SYSTEM_USER}" if contained and device.facts.root else "",
        more=more,
        names="\n".join(
            wrapped(", ".join(names), indent=4, first=f"  from {origin} import")
            for origin, names in origins.items()
        ),
    )
