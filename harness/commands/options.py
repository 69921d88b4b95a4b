"""Options that several commands share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from emulator.base.errors import UsageError
from emulator.base.progress import report

if TYPE_CHECKING:
    from emulator.target import Target as ParsedTarget
    from harness.agent.program import RemoteProgram
    from harness.device.device import Device

OptionT = TypeVar("OptionT", str, str | None)

CLAIM_HELP = "Ids (mmap.once), prefixes (mmap) or globs ('*.first-*')."
Claims = Annotated[list[str], typer.Argument(metavar="CLAIM", help=CLAIM_HELP)]
ClaimsOrAll = Annotated[
    list[str] | None, typer.Argument(metavar="CLAIM", help=f"{CLAIM_HELP} Without any: all of them.")
]
TARGET_HELP = "The device to use; see `binder-harness devices`."
GIVEN_BY = {"start": "--cold", "host": "--host (or BINDER_HARNESS_HOST)"}
"""What the user writes for an option of a target."""
TARGET = typer.Option("--target", metavar="TARGET", envvar="BINDER_HARNESS_TARGET", help=TARGET_HELP)
Target = Annotated[str, TARGET]
OptionalTarget = Annotated[str | None, TARGET]
PositionalTarget = Annotated[
    str | None, typer.Argument(metavar="TARGET", show_default=False, help="The same as --target.")
]
Cold = Annotated[bool, typer.Option("--cold", help="Boot the device; do not restore it from a snapshot.")]
Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        envvar="BINDER_HARNESS_HOST",
        help="Run the device on another machine: ssh://USER@HOST:PORT.",
    ),
]
ActivityStandin = Annotated[
    bool,
    typer.Option(
        "--activity-standin",
        help="Start a stand-in for Android's activity manager on a device that has none: it delivers "
        "broadcasts, and answers `cmd activity`.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write the results there, as a page for browsers."),
]


def one_target(context: typer.Context, positional: str | None, option: OptionT) -> str | OptionT:
    """What was given as TARGET or as `--target`; UsageError where both were, and they differ."""
    source = context.get_parameter_source("target")
    if positional is None:
        return option
    if source is not None and source.name == "COMMANDLINE" and option != positional:
        raise UsageError(f"Two targets were given, {positional!r} and --target {option!r}: give one of them.")
    return positional


def started(text: str, *, cold: bool, host: str | None) -> ParsedTarget:
    """The target that `text` names, with the options that `--cold` and `--host` stand for.

    Raises UsageError, in terms of what was typed, for what cannot be a target.
    """
    from emulator.target import parse_target

    target = parse_target(text)
    wanted = {"start": "cold" if cold else "", "host": host or ""}
    for name, value in wanted.items():
        if value:
            if name not in (option.name for option in target.kind.options):
                raise UsageError(
                    f"{GIVEN_BY[name]} is for devices that Binder harness starts itself, unlike {target}."
                )
            with said_of(GIVEN_BY[name]):
                target = target.with_option(name, value)
    return target


@contextlib.contextmanager
def said_of(option: str) -> Iterator[None]:
    """Have a UsageError in the block name the option that it is about."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error


@contextlib.contextmanager
def activity_manager(device: Device, *, standin: bool) -> Iterator[RemoteProgram | None]:
    """For the length of the block, where the stand-in is asked for, see that the device has one.

    Gives the stand-in where that was started.
    """
    if not standin:
        yield None
        return
    from harness.framework.standin import open_framework

    with open_framework(device) as framework:
        if not framework.stand_in:
            report(f"{device.serial} has Android's own activity manager: the stand-in is not started")
        yield framework.program
