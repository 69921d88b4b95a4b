"""The generations of AOSP's Binder user space that can be built: one record each."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.cache.package_index import Suites

PLATFORM_TOOLS = "android-platform-tools"
"""Debian's source package of libbinder and the Binder commands, of what is below them, and of adbd."""
FRAMEWORKS_NATIVE = "android-platform-frameworks-native"
"""Debian's source package of libbinder and the Binder commands alone, as of Android 10."""

PROPERTY = "ro.binder_harness.userland"
"""The embedded device's property with the number of its generation."""


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """One of Debian's source packages."""

    name: str
    suites: Suites = ()
    """Where it is: in these suites of the machine's mirror, or in what the machine's own sources offer."""
    patched: bool = True
    """Whether it is whole, with Debian's patches; else its upstream tarball alone is to be had."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation: where its sources are. What is compiled of them is in device_agents/aosp/android_N."""

    number: int
    """The release of Android."""
    system: SourcePackage
    """It has `system`, the libraries below libbinder, and `frameworks/native`, unless `native` is given."""
    native: SourcePackage | None = None
    """It has what takes the place of the other's `frameworks/native`."""

    def __str__(self) -> str:
        return f"Android {self.number}"

    @property
    def in_c(self) -> bool:
        """Whether its servicemanager is the one in C; from Android 11 on it is written on libbinder."""
        return self.number <= 10


TOOLS_29 = SourcePackage(PLATFORM_TOOLS)
TOOLS_34 = SourcePackage(PLATFORM_TOOLS, suites=("trixie",))
NATIVE_10 = SourcePackage(FRAMEWORKS_NATIVE, patched=False)

ANDROID_10 = Generation(10, TOOLS_29, native=NATIVE_10)
ANDROID_11 = Generation(11, TOOLS_29)
ANDROID_14 = Generation(14, TOOLS_34)
DEFAULT_GENERATION = ANDROID_11
GENERATIONS = {generation.number: generation for generation in (ANDROID_10, ANDROID_11, ANDROID_14)}
"""By the release of Android."""
