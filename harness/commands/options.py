"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

TARGET_HELP = "The device to use, such as `embedded`, which boots one."
Target = Annotated[
    str, typer.Option("--target", metavar="TARGET", envvar="BINDER_HARNESS_TARGET", help=TARGET_HELP)
]
Cold = Annotated[bool, typer.Option("--cold", help="Boot the device; do not restore it from a snapshot.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def started(target: str, *, cold: bool) -> str:
    """The target, with the option that has it boot where that is asked for."""
    if not cold:
        return target
    return f"{target}{'&' if '?' in target else '?'}start=cold"
