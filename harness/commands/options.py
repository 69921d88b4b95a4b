"""Options and arguments that several commands share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
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


def complete_claim(incomplete: str) -> list[str]:
    """The claims whose ids begin so, for a shell."""
    from harness.experiments.core.claim import CLAIMS

    return [id_ for id_ in CLAIMS.names([]) if id_.startswith(incomplete)]


def complete_target(incomplete: str) -> list[str]:
    """The kinds of targets whose names begin so, for a shell."""
    from emulator.target import KIND_MODULES

    return [kind for kind in KIND_MODULES if kind.startswith(incomplete)]


Claims = Annotated[list[str], typer.Argument(metavar="CLAIM", help=CLAIM_HELP, autocompletion=complete_claim)]
ClaimsOrAll = Annotated[
    list[str] | None,
    typer.Argument(metavar="CLAIM", help=f"{CLAIM_HELP} Default: all claims.", autocompletion=complete_claim),
]
ClaimSources = Annotated[
    list[Path] | None,
    typer.Option(
        "--claims",
        metavar="FILE.py|PACKAGE",
        envvar="BINDER_HARNESS_CLAIMS",
        help="Add the claims of a file of Python or of a package; may be repeated.",
    ),
]
TARGET_HELP = "The device to use; see `binder-harness devices`."
COMMAND_LINE_OPTIONS = {
    "start": "--cold",
    "host": "--host (or BINDER_HARNESS_HOST)",
    "kernel": "--kernel (or BINDER_HARNESS_KERNEL)",
}
"""The command line's option for an option of a target."""
TARGET = typer.Option(
    "--target",
    metavar="TARGET",
    envvar="BINDER_HARNESS_TARGET",
    help=TARGET_HELP,
    autocompletion=complete_target,
)
Target = Annotated[str, TARGET]
OptionalTarget = Annotated[str | None, TARGET]
PositionalTarget = Annotated[
    str | None,
    typer.Argument(
        metavar="TARGET", show_default=False, help="The same as --target.", autocompletion=complete_target
    ),
]
Cold = Annotated[bool, typer.Option("--cold", help="Boot the device instead of restoring a snapshot.")]
Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        envvar="BINDER_HARNESS_HOST",
        help="Run the device on another machine: ssh://USER@HOST:PORT.",
    ),
]
Kernel = Annotated[
    Path | None,
    typer.Option(
        "--kernel",
        metavar="PATH",
        envvar="BINDER_HARNESS_KERNEL",
        help="A kernel of your own: its image, or the tree in which it was built.",
    ),
]
ActivityStandin = Annotated[
    bool,
    typer.Option(
        "--activity-standin",
        help="Start a stand-in for Android's activity manager on a device that has none: it delivers "
        "broadcasts and implements `cmd activity`.",
    ),
]
Java = Annotated[
    bool | None,
    typer.Option(
        "--java/--no-java",
        show_default=False,
        envvar="BINDER_HARNESS_JAVA",
        help="Whether AOSP's Java is built, and put on the device, for claims that need it. Default: for "
        "claims that are named.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def given(context: typer.Context, option: str) -> bool:
    """Whether the command line has the option, rather than the environment."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def one_target(context: typer.Context, positional: str | None, option: OptionT) -> str | OptionT:
    """The target given as TARGET or as `--target`; UsageError where both were given and differ."""
    if positional is None:
        return option
    if given(context, "target") and option != positional:
        raise UsageError(f"Two targets were given, {positional!r} and --target {option!r}. Give one of them.")
    return positional


def with_start_options(
    text: str, *, cold: bool, host: str | None, kernel: Path | None = None
) -> ParsedTarget:
    """The target that `text` names, with the options for --cold, --host and --kernel.

    Raises UsageError, with the option that the user typed, for an invalid target.
    """
    from emulator.target import parse_target

    target = parse_target(text)
    values = {"start": "cold" if cold else "", "host": host or ""}
    if kernel is not None:
        from emulator.embedded.kernel.configuration import image_in

        values["kernel"] = str(image_in(kernel).absolute())
    for name, value in values.items():
        if value:
            if name not in (option.name for option in target.kind.options):
                raise UsageError(
                    f"{COMMAND_LINE_OPTIONS[name]} is for devices that Binder harness starts itself, "
                    f"unlike {target}."
                )
            with naming_option(COMMAND_LINE_OPTIONS[name]):
                target = target.with_option(name, value)
    return target


def java_is_asked_for(patterns: Sequence[str] | None, java: bool | None) -> bool:
    """Whether claims may put AOSP's Java on a device: as --java or --no-java says, else if any is named."""
    return bool(patterns) if java is None else java


@contextlib.contextmanager
def naming_option(option: str) -> Iterator[None]:
    """Prefix a UsageError of the block with the option that it is about."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from error


@contextlib.contextmanager
def activity_manager(device: Device, *, standin: bool) -> Iterator[RemoteProgram | None]:
    """With `standin`, run a stand-in on a device without an activity manager for the block, and yield it."""
    if not standin:
        yield None
        return
    from harness.framework.standin import open_framework

    with open_framework(device) as framework:
        if not framework.stand_in:
            report(f"{device.serial} has Android's own activity manager: the stand-in is not started")
        yield framework.program
