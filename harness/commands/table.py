"""The table of commands: where each is, and its line in the list. A new command is one more line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
import typer.core
import typer.main


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is, and what it is for."""

    module: str
    """Below this package."""
    attribute: str
    """The command's function, or a `typer.Typer` that holds it with its settings or subcommands."""
    summary: str
    """The first line of its help, which a test compares."""


COMMANDS = {
    "verify": Entry("claims.verify", "app", "Judge claims on a device, and show what was measured."),
    "matrix": Entry(
        "claims.matrix", "matrix", "Judge claims on several devices, and show where they differ."
    ),
    "compare-drivers": Entry(
        "claims.compare_drivers",
        "compare_drivers",
        "Show what differs between Binder's drivers, in C and in Rust.",
    ),
    "diff": Entry("claims.diff", "diff", "Show what changed between two runs or devices."),
    "judge": Entry("claims.judge", "judge", "Judge a stored run again, without a device."),
    "report": Entry(
        "claims.report", "report", "Show a stored run again: on the terminal, or in another format."
    ),
    "list": Entry("claims.catalogue", "list_claims", "List the claims by topic."),
    "explain": Entry(
        "claims.catalogue", "explain", "Explain claims: what they state and how they are tested."
    ),
    "measure": Entry(
        "claims.measure", "measure", "Run one measurement and print its figures, without a verdict."
    ),
    "explore": Entry(
        "claims.explore",
        "explore",
        "Drive random programs of commands against a model of the driver, and show where they differ.",
    ),
    "aosp-tests": Entry("claims.aosp_tests", "aosp_tests", "Run AOSP's own tests of libbinder on a device."),
    "inspect": Entry(
        "inspect.inspect", "inspect", "Say what a bug report, a log, a dump or a device shows about Binder."
    ),
    "explain-error": Entry(
        "inspect.explain_error",
        "app",
        "Explain an error of Binder: a line of a log, an exception, a code.",
    ),
    "record": Entry(
        "recording.record", "app", "Record every transaction on a device, until Ctrl-C or a command's end."
    ),
    "doctor": Entry(
        "devices.doctor", "doctor", "Check what this machine has, what it lacks, and how to fix that."
    ),
    "kernel-config": Entry(
        "devices.kernel_config", "kernel_config", "Print the options that a kernel of your own needs."
    ),
    "devices": Entry(
        "devices.listing", "devices", "List the targets that can be used now, and why others cannot."
    ),
    "get": Entry("devices.get", "app", "Download a public Android image to run on."),
    "cache": Entry("devices.cache", "cache", "Show what was built and downloaded for devices, or remove it."),
    "shell": Entry(
        "devices.interactive", "app", "Boot a device and open `adb shell` on it, or run one command."
    ),
    "repl": Entry("devices.interactive", "repl", "Boot a device and open a Python prompt on it."),
    "completion": Entry(
        "completion", "completion", "Print what makes a shell complete commands, options and claims."
    ),
    "boot": Entry("devices.boot", "boot", "Boot a device for your own adb and keep it running until Ctrl-C."),
}


class LoadedOnUse(Mapping[str, Any]):
    """The commands by name; the module of one is imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        entry = COMMANDS[name]
        found = getattr(import_module(f"harness.commands.{entry.module}"), entry.attribute)
        if not isinstance(found, typer.Typer):
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name)(found)
            found = app
        command = typer.main.get_command(found)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class LazyGroup(typer.core.TyperGroup):
    """The group of these commands: its help is the table's, so that it imports none of them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LoadedOnUse()  # type: ignore[assignment] # no command is added later

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The names of the commands, in the table's order."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])
