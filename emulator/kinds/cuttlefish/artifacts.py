"""Finds Cuttlefish's host tools and guest images on a host, in the order of its own programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from emulator.base.command import script
from emulator.base.errors import SetupError
from emulator.host.host import Host, check_output, on

ANSWERS_WITHIN = 20.0
LAUNCHERS = ("bin/cvd_internal_start", "bin/launch_cvd")
"""One of them makes a directory one of host tools (android-cuttlefish 1.57,
host/libs/config/config_utils.cpp, IsValidAndroidHostOutPath)."""
IMAGES = ("super.img", "boot.img")
"""Images of every build; assemble_cvd reads them in the directory of images (android-cuttlefish 1.57,
host/commands/assemble_cvd/flags/super_image.cc, boot_image.cc)."""
BY_COMMAND = "`binder-harness get cuttlefish` downloads host tools and images that fit together"


@dataclass(frozen=True)
class Artifacts:
    """The two directories that a start needs, as absolute paths on the host."""

    host_path: str
    """Of the host tools; `bin` below it has the launcher."""
    product_path: str
    """Of the guest images."""


def find_artifacts(host: Host, host_path: str = "", product_path: str = "") -> Artifacts:
    """The host tools and images in the directories given, or else where `cvd create` looks.

    That is $ANDROID_HOST_OUT, $ANDROID_SOONG_HOST_OUT, $HOME and the current directory for the tools, and
    $ANDROID_PRODUCT_OUT, $HOME and the current directory for the images (android-cuttlefish 1.57,
    host/commands/cvd/cli/commands/create.cpp, DefaultHostPath and DefaultProductPath;
    host/commands/cvd/utils/common.cpp, AndroidHostPath). A launch_cvd on the PATH shows where its tools are,
    and host tools without images elsewhere may have them beside them, as `cvd fetch` leaves them.

    Raises SetupError, with the directories searched, where there are none.
    """
    tool_places = [host_path]
    if not host_path:
        variables = _variables(host, "ANDROID_HOST_OUT", "ANDROID_SOONG_HOST_OUT", "HOME")
        tool_places = [*variables, ".", *_beside_launcher(host)]
    what = "Cuttlefish's host tools (bin/cvd_internal_start or bin/launch_cvd)"
    found_tools = _first(host, LAUNCHERS, tool_places, what, "host_path")
    places = [*_variables(host, "ANDROID_PRODUCT_OUT", "HOME"), ".", found_tools]
    if product_path:
        places = [product_path]
    elif host_path:
        places = [found_tools, *places]
    return Artifacts(
        found_tools,
        _first(host, IMAGES, places, "Cuttlefish's images (super.img, boot.img)", "product_path"),
    )


def _variables(host: Host, *names: str) -> list[str]:
    return [value for name in names if (value := host.variable(name))]


def _beside_launcher(host: Host) -> list[str]:
    launcher = host.find("launch_cvd")
    return [str(PurePosixPath(launcher).parent.parent)] if launcher else []


def _first(host: Host, wanted: Sequence[str], places: Sequence[str], what: str, option: str) -> str:
    command = script(__file__, "first_that_has.sh", " ".join(wanted), *places)
    found = check_output(host, command, ANSWERS_WITHIN).strip()
    if found:
        return found
    searched = ", ".join(
        "the current directory" if place == "." else place for place in dict.fromkeys(places)
    )
    raise SetupError(
        f"{what} are not{on(host)} in: {searched}. Name their directory, as in "
        f"'cuttlefish?{option}=/DIRECTORY'; {BY_COMMAND}."
    )
