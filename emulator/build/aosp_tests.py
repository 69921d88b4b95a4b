"""AOSP's own tests of libbinder, built when asked for, from the sources of the device's user space."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture
from emulator.base.errors import SetupError
from emulator.build.agents import SOURCES
from emulator.build.clang import identity
from emulator.build.generation import DEFAULT_GENERATION, Generation
from emulator.build.sources import source_packages, unpacked_sources
from emulator.build.userland import build_aosp, recipe_of
from emulator.cache.packages import recorded_version, unpack
from emulator.cache.store import entry, fingerprint

logger = logging.getLogger(__name__)

RECIPE = SOURCES / "aosp_tests"
TARGET = "aosp_tests"
GOOGLETEST = "googletest"
"""Debian's package of the source tree; the library in libgtest-dev is linked with another C++ library."""
SOURCE_TREE = "usr/src/googletest"
IN_ALL = ("binderDriverInterfaceTest", "binderLibTest", "binderSafeInterfaceTest", "binderTextOutputTest")
FROM_11 = ("binderStabilityTest", "libbinder_ndk_unit_test")
"""Of what libbinder has since Android 11."""


def test_names(generation: Generation) -> tuple[str, ...]:
    """The programs of a generation, by AOSP's names."""
    return IN_ALL if generation.number < 11 else (*IN_ALL, *FROM_11)


def aosp_tests(architecture: Architecture = DEFAULT, generation: Generation = DEFAULT_GENERATION) -> Path:
    """The directory of a generation's test programs, each under AOSP's name: 11 MB.

    They come from the cache, or are built now: in one and a half minutes on two cores. Raises SetupError with
    the compiler's messages.
    """

    def build(target: Path) -> None:
        logger.info("building AOSP's tests of %s for %s with %s", generation, architecture, RECIPE)
        with unpacked_sources(generation) as source:
            added = {"GOOGLETEST": _googletest(), "CMAKE_PROJECT_aosp_INCLUDE": RECIPE / "tests.cmake"}
            output = build_aosp(source, generation, architecture, TARGET, **added)
            for name in test_names(generation):
                shutil.copy2(output / "tests" / name, target / name)

    sources = [package.name for package in source_packages(generation)]
    key = fingerprint(*sources, str(_googletest()), *recipe_of(generation), RECIPE, identity(architecture))
    return entry(f"aosp-tests-{generation.number}-{architecture}", key, build)


def _googletest() -> Path:
    version = recorded_version(GOOGLETEST, lambda index: index.version(GOOGLETEST))

    def download(target: Path) -> None:
        unpack(GOOGLETEST, [f"{GOOGLETEST}={version}"], target)
        if not (target / SOURCE_TREE).is_dir():
            raise SetupError(f"Debian's {GOOGLETEST} {version} has no source tree in {SOURCE_TREE}.")

    return entry(f"{GOOGLETEST}-source", fingerprint(GOOGLETEST, version), download) / SOURCE_TREE
