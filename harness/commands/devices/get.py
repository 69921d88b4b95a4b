"""`get`: downloads public Android images by their own programs. One function for each kind of device."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from emulator.base.printable import show
from emulator.base.progress import report
from harness.commands.options import Host


class Abi(StrEnum):
    """The processors for which the SDK has images."""

    X86_64 = "x86_64"
    ARM64 = "arm64-v8a"


class Pages(StrEnum):
    """The page sizes for which it has images."""

    FOUR = "4k"
    SIXTEEN = "16k"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Download a public Android image to run on.",
)


@app.command()
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
    from emulator.kinds.cuttlefish.doctor import host_checks
    from emulator.kinds.cuttlefish.fetch import fetch_cuttlefish
    from emulator.kinds.cuttlefish.host import read_host

    with open_host(host or "") as opened:
        target = fetch_cuttlefish(opened, build, directory)
        for check in host_checks(read_host(opened)):
            if not check.ok:
                report(f"To run it: {check.detail}. To fix it: {check.fix}.")
    report(f"Use it: binder-harness verify --target '{target}'")
    show(target)


@app.command()
def avd(
    api: Annotated[
        int,
        typer.Option(
            "--api", min=26, metavar="LEVEL", help="The API level of its Android: 35 is Android 15."
        ),
    ] = 35,
    abi: Annotated[
        Abi, typer.Option("--abi", help="Its processor; the machine's own can be accelerated.")
    ] = Abi.X86_64,
    pages: Annotated[Pages, typer.Option("--pages", help="Its page size; 16k from API 35 on.")] = Pages.FOUR,
) -> None:
    """Get an AVD of the Android SDK, booted once, and its target.

    \b
    binder-harness get avd
    binder-harness get avd --api 36 --pages 16k

    Needs the SDK's command line tools, and shows how to have them. Downloads 1 to 2 GB; the
    SDK asks you to accept its licence. The image can be rooted: it is not one with the Play
    Store. What is there already is used.
    """
    from emulator.kinds.sdk.install import AvdRequest, get_avd

    target = get_avd(AvdRequest(api, abi.value, pages is Pages.SIXTEEN))
    report(f"Use it: binder-harness verify --target {target}")
    show(target)
