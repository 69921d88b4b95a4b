"""A directory of Cuttlefish's host tools and images, of doubles, as a build or `cvd fetch` leaves it."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.doubles import install

IMAGES = ("super.img", "boot.img", "vendor_boot.img", "vbmeta.img")
"""Some of the images that a build has (host/commands/assemble_cvd/flags)."""


def host_package(directory: Path, *, of_2026: bool) -> Path:
    """Fill `directory`.

    A package from June 2026 on has a whole `cvd`, and its launcher is `cvd_internal_start`, whose older name
    is a link (host/commands/start/main.cc, CvdPath). An older one may have a `cvd` without `create`.
    """
    tools = directory / "bin"
    launcher = "cvd_internal_start" if of_2026 else "launch_cvd"
    install(tools / launcher, "cuttlefish_host_tools", "start", str(tools))
    install(tools / "stop_cvd", "cuttlefish_host_tools", "stop")
    install(tools / "cvd", "cuttlefish_cvd", *([] if of_2026 else ["--without-create"]))
    if of_2026:
        (tools / "launch_cvd").symlink_to(launcher)
    for image in IMAGES:
        (directory / image).touch()
    return directory


def set_up(way: str, home: Path, programs: Path) -> None:
    """Install Cuttlefish in one of the ways in which users have it, with its host tools unpacked in `home`.

    "cvd" is with the package cuttlefish-base, "bundled" without it, with host tools of 2026, and "launch_cvd"
    with those of before.
    """
    host_package(home, of_2026=way != "launch_cvd")
    if way == "cvd":
        install(programs / "cvd", "cuttlefish_cvd")
