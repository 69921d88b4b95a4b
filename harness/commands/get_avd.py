"""`get-avd`: from nothing to an AVD of the Android SDK that can be rooted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Abi(StrEnum):
    """The processors for which the SDK has images."""

    X86_64 = "x86_64"
    ARM64 = "arm64-v8a"


class Pages(StrEnum):
    """The page sizes for which it has images."""

    FOUR = "4k"
    SIXTEEN = "16k"


def get_avd(
    api: Annotated[
        int, typer.Option("--api", min=26, help="The API level of its Android: 35 is Android 15.")
    ] = 35,
    abi: Annotated[
        Abi, typer.Option("--abi", help="Its processor; the machine's own can be accelerated.")
    ] = Abi.X86_64,
    pages: Annotated[Pages, typer.Option("--pages", help="Its page size; 16k from API 35 on.")] = Pages.FOUR,
) -> None:
    """Get an AVD of the Android SDK, booted once, and its target.

    \b
    binder-harness get-avd
    binder-harness get-avd --api 36 --pages 16k

    Needs the SDK's command line tools, and shows how to have them. Downloads 1 to 2 GB; the
    SDK asks you to accept its licence. The image can be rooted: it is not one with the Play
    Store. What is there already is used.
    """
    from emulator.kinds.sdk_install import AvdRequest
    from emulator.kinds.sdk_install import get_avd as get

    target = get(AvdRequest(api, abi.value, pages is Pages.SIXTEEN))
    print(f"\nThe AVD is ready: binder-harness verify --target {target}")
