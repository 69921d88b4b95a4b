"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

TARGET_HELP = "The device to use, such as `embedded`, which boots one."
Target = Annotated[
    str, typer.Option("--target", metavar="TARGET", envvar="BINDER_HARNESS_TARGET", help=TARGET_HELP)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
