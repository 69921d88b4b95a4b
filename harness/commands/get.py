"""`get`: downloads public Android images by their own programs. One function for each kind of device."""

from __future__ import annotations

from typing import Annotated

import typer

from emulator.base.progress import report
from harness.commands.options import Host

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Download a public Android image to run on.",
)


@commands.command()
def cuttlefish(
    build: Annotated[
        str,
        typer.Option(
            "--build",
            metavar="BUILD",
            help="BRANCH, BRANCH/TARGET or ID/TARGET. Default: AOSP's latest release for a phone, userdebug.",
        ),
    ] = "",
    directory: Annotated[
        str,
        typer.Option(
            "--directory",
            metavar="DIR",
            help="Where to put it. Default: a directory beside the cache's entries.",
        ),
    ] = "",
    host: Host = None,
) -> None:
    """Download a Cuttlefish build, and print the target to use.

    \b
    binder-harness get cuttlefish
    binder-harness get cuttlefish --build aosp-android-latest-release
    binder-harness verify --target "$(binder-harness get cuttlefish)"

    `cvd fetch` of Google's package cuttlefish-base downloads it. What this machine lacks for
    running Cuttlefish is shown, too, with what fixes it.
    """
    from emulator.host.opening import open_host
    from emulator.kinds.cuttlefish_doctor import host_checks
    from emulator.kinds.cuttlefish_fetch import fetch_cuttlefish
    from emulator.kinds.cuttlefish_host import read_host

    with open_host(host or "") as opened:
        target = fetch_cuttlefish(opened, build, directory)
        for check in host_checks(read_host(opened)):
            if not check.ok:
                report(f"To run it: {check.detail}. To fix it: {check.fix}.")
    report(f"Use it: binder-harness verify --target '{target}'")
    print(target)
