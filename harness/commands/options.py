"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

TARGET_HELP = "The device to use, such as `embedded`, which boots one."
Target = Annotated[
    str, typer.Option("--target", metavar="TARGET", envvar="BINDER_HARNESS_TARGET", help=TARGET_HELP)
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def started(target: str, *, cold: bool, host: str | None) -> str:
    """The target, with the options that have it boot, and elsewhere, where that is asked for."""
    options = ["start=cold"] if cold else []
    options += [f"host={host}"] if host else []
    for option in options:
        target += f"{'&' if '?' in target else '?'}{option}"
    return target
