"""The embedded device's user space: busybox from Debian, and AOSP's programs, built from Debian's sources.

All of them are static.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.progress import report
from emulator.build.agents import SOURCES
from emulator.build.clang import clang, identity
from emulator.build.generation import DEFAULT_GENERATION, TOOLS_29, Generation
from emulator.build.sources import IN_C, source_package, source_packages, unpacked, unpacked_sources
from emulator.cache.packages import recorded_version, unpack
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

logger = logging.getLogger(__name__)

AOSP = SOURCES / "aosp"
"""The recipe of AOSP's Binder user space."""
LIBBINDER_PROBE = SOURCES / "libbinder_probe"
ACTIVITY_STANDIN = SOURCES / "activity_standin"
THROUGHPUT_TEST = "binderThroughputTest"
"""AOSP's own measurement of libbinder, for the benchmarks."""
BUILD_SECONDS = 1200.0


def busybox(architecture: Architecture = DEFAULT) -> Path:
    """Debian's static busybox, unpacked from its package."""
    package = "busybox-static"
    version = recorded_version(package, lambda index: index.version(package), architecture)

    def build(target: Path) -> None:
        with scratch_directory(target.parent) as scratch:
            unpack(package, [f"{package}={version}"], scratch, architecture)
            (found,) = [*scratch.glob("bin/busybox"), *scratch.glob("usr/bin/busybox")]
            found.rename(target / "busybox")

    return (
        entry(f"{package}-{architecture}", fingerprint(package, version, architecture.name), build)
        / "busybox"
    )


def busybox_commands(busybox: bytes) -> list[str]:
    """The names of busybox's commands, from the list in its program file.

    The list is alphabetical; each name ends with a zero byte, and a second zero byte ends the list (busybox,
    include/applet_tables.h). `busybox --install` would take a tenth of a second of every boot.
    Raises SetupError where the file has no such list.
    """
    found = re.search(rb"(\[\0\[\[\0(?:[!-~]+\0)+)\0", busybox)
    names = found[1].decode("ascii").split("\0")[:-1] if found else []
    if "sh" not in names:
        raise SetupError(
            "Debian's busybox does not hold the list of its commands where Binder harness looks for it. "
            "Report this with the output of `apt-cache policy busybox-static`."
        )
    return names


def adbd_root(architecture: Architecture = DEFAULT) -> Path:
    """AOSP's adbd and the commands that it runs, laid out as in the device's file system."""
    recipe = SOURCES / "adbd"

    def build(target: Path) -> None:
        logger.info("building AOSP's adbd for %s with %s", architecture, recipe)
        with unpacked() as source:
            output = source.with_name("built")
            compiler = f"CXX={shlex.join(clang('clang++', architecture))}"
            # make splits names at blanks, which the cache's and the recipe's may hold: so all are relative.
            shutil.copytree(recipe, source.with_name("recipe"))
            variables = (compiler, f"SOURCE={source.name}", f"OUTPUT={output.name}")
            command = ["make", "--file=recipe/Makefile", f"--jobs={_jobs()}", *variables]
            planned = run([*command, "--dry-run"], directory=source.parent, seconds=BUILD_SECONDS)
            files = planned.count(" -c ")

            def report_files(_: str) -> None:
                report(f"building AOSP's adbd: {len([*output.rglob('*.o')])} of {files} files compiled")

            run(command, directory=source.parent, seconds=BUILD_SECONDS, progress=report_files)
            shutil.copytree(output / "root", target / "root", symlinks=True)

    key = fingerprint(source_package(TOOLS_29).name, recipe, identity(architecture))
    return entry(f"adbd-{architecture}", key, build) / "root"


def binder_userland(
    architecture: Architecture = DEFAULT, generation: Generation = DEFAULT_GENERATION
) -> Path:
    """AOSP's Binder user space of a generation: `root`, laid out as the device's file system, and the agents.

    The agents are the programs that are linked with its libbinder, and pushed when they are needed. It comes
    from the cache, or is built now: in a minute on two cores, after a download of up to 45 MB.
    """

    def build(target: Path) -> None:
        logger.info("building the Binder user space of %s for %s with %s", generation, architecture, AOSP)
        with unpacked_sources(generation) as source:
            output = build_aosp(source, generation, architecture)
            shutil.copytree(output / "root", target / "root", symlinks=True)
            for agent in (LIBBINDER_PROBE.name, ACTIVITY_STANDIN.name, THROUGHPUT_TEST):
                (output / agent).rename(target / agent)

    sources = [package.name for package in source_packages(generation)]
    recipe = (*recipe_of(generation), LIBBINDER_PROBE, ACTIVITY_STANDIN)
    key = fingerprint(*sources, *recipe, identity(architecture))
    return entry(f"binder-userland-{generation.number}-{architecture}", key, build)


def recipe_of(generation: Generation) -> list[Path]:
    """The files and directories of AOSP's recipe that a generation is built with."""
    own = f"android_{generation.number}"
    return [
        path for path in sorted(AOSP.iterdir()) if path.name == own or not path.name.startswith("android_")
    ]


def build_aosp(
    source: Path, generation: Generation, architecture: Architecture, *targets: str, **more: str | Path
) -> Path:
    """Build AOSP's Binder user space, or some of its targets, from unpacked sources; returns where it is.

    `more` are CMake's variables, in addition to those that its recipe needs.
    """
    output = source.with_name("built")
    variables = {
        "CMAKE_C_COMPILER": ";".join(clang("clang", architecture)),
        "CMAKE_CXX_COMPILER": ";".join(clang("clang++", architecture)),
        "GENERATION": str(generation.number),
        "SOURCE": source,
        "SOURCE_IN_C": source.with_name(IN_C),
        "PROBE": LIBBINDER_PROBE,
        "STANDIN": ACTIVITY_STANDIN,
        **more,
    }
    definitions = [f"-D{name}={value}" for name, value in variables.items()]
    run(["cmake", "-S", AOSP, "-B", output, "-G", "Ninja", *definitions], seconds=BUILD_SECONDS)
    command: list[str | Path] = ["ninja", "-C", output, f"-j{_jobs()}", *targets]
    run(command, seconds=BUILD_SECONDS, progress=_report_steps)
    return output


def _report_steps(line: str) -> None:
    """Report how far ninja is, whose lines begin with `[12/345]`."""
    if done := re.match(r"\[(\d+)/(\d+)\]", line):
        report(f"building AOSP's Binder user space: {done[1]} of {done[2]} steps")


def _jobs() -> int:
    return os.cpu_count() or 1
