"""Debian's sources of AOSP's framework in Java, and the tools that compile them.

Nothing is installed: Debian's OpenJDK and its compiler ECJ are unpacked in the cache, too.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import DEFAULT, Architecture, architecture_named
from emulator.build.generation import SourcePackage
from emulator.build.java.release import JAVA_10, JavaRelease
from emulator.build.sources import source_package, unpack_tarball
from emulator.cache.package_index import PackageIndex
from emulator.cache.packages import recorded_version, unpack
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

LIBCORE = SourcePackage("android-platform-libcore", patched=False)
"""Android 10's core library, for every release: libcore.*, dalvik.*, org.json, org.xmlpull."""
OTHER_MEMBERS = ("core/jni", "core/proto", "core/res/AndroidManifest.xml", "proto")
"""What else is needed of frameworks/base."""
LIBCORE_DIRECTORIES = (
    "luni/src/main/java/android",
    "luni/src/main/java/libcore",
    "libart/src/main/java/dalvik",
    "dalvik/src/main/java/dalvik",
    "json/src/main/java",
    "xml/src/main/java",
)
"""What OpenJDK does not have. Android's java.* is not compiled: OpenJDK's is used."""
CLEANER = "ojluni/src/main/java/sun/misc/Cleaner.java"
"""In OpenJDK, the module jdk.unsupported has had its place since 9, without that class."""
LIBCORE_NATIVE_DIRECTORY = "luni/src/main/native"
JDK_PACKAGES = ("openjdk-17-jre-headless", "openjdk-17-jdk-headless")
COMPILER_PACKAGE = "libeclipse-jdt-core-java"
COMPILER_JAR = "usr/share/java/eclipse-jdt-core.jar"


@dataclass(frozen=True, slots=True)
class FrameworkSources:
    """The unpacked sources."""

    base: Path
    """Of frameworks/base, Java, JNI, and what Java is generated from."""
    libcore: Path
    """Of libcore, what OpenJDK lacks."""
    native: Path
    """Of frameworks/native, interfaces."""
    borrowed: Path
    """Of Android 10's frameworks/base, Java that a later one lacks; there is none where it lacks none."""


def source_identity(release: JavaRelease) -> str:
    """What a build's result depends on of the sources."""
    packages = [release.base, LIBCORE, release.native]
    if release.borrowed:
        packages.append(JAVA_10.base)
    return " ".join(source_package(package).name for package in packages)


@contextlib.contextmanager
def unpacked_framework(release: JavaRelease, parent: Path) -> Iterator[FrameworkSources]:
    """The sources, in directories below `parent` that are removed after the block: 90 MB."""
    with scratch_directory(parent) as scratch:
        sources = FrameworkSources(*(scratch / name for name in ("base", "libcore", "native", "borrowed")))
        prefix = release.prefix
        members = (f"{prefix}{name}" for name in (*release.java_directories, *OTHER_MEMBERS))
        unpack_tarball(release.base, sources.base, *members)
        unpack_tarball(LIBCORE, sources.libcore, *LIBCORE_DIRECTORIES, CLEANER, LIBCORE_NATIVE_DIRECTORY)
        interfaces = (f"{prefix}{name}" for name in release.aidl_directories)
        unpack_tarball(release.native, sources.native, *interfaces)
        if release.borrowed:
            unpack_tarball(JAVA_10.base, sources.borrowed, *release.borrowed)
        yield sources


def jdk(architecture: Architecture) -> Path:
    """The root of Debian's OpenJDK 17 for an architecture: 260 MB in the cache."""
    return _unpacked(JDK_PACKAGES, architecture) / f"usr/lib/jvm/java-17-openjdk-{architecture.debian_name}"


def own_jdk() -> Path:
    """The root of OpenJDK for this machine, which compiles and links for every architecture."""
    return jdk(architecture_named(platform.machine()))


def compiler_jar() -> Path:
    """ECJ, a compiler that goes on where a class has errors: its methods then throw what is wrong."""
    return _unpacked((COMPILER_PACKAGE,), DEFAULT) / COMPILER_JAR


def library_packages(architecture: Architecture) -> Path:
    """The root of the packages of the C libraries that OpenJDK is linked with."""
    return _unpacked(("libc6", "libgcc-s1", "libstdc++6", "zlib1g"), architecture)


def _unpacked(packages: tuple[str, ...], architecture: Architecture) -> Path:
    """The root of these packages, whose links lead to what they have there."""
    record = " ".join(packages)

    def find(index: PackageIndex) -> str | None:
        found = index.versions(packages)
        return " ".join(f"{name}={found[name]}" for name in packages) if len(found) == len(packages) else None

    versions = recorded_version(record, find, architecture)

    def build(target: Path) -> None:
        unpack(record, versions.split(), target, architecture)
        _relink(target)

    return entry(
        f"{packages[-1]}-{architecture}", fingerprint(architecture.name, versions, "relinked"), build
    )


def _relink(root: Path) -> None:
    """Have absolute links lead into `root`: OpenJDK has its configuration in /etc."""
    for path in root.rglob("*"):
        if path.is_symlink() and (target := path.readlink()).is_absolute():
            inside = root / target.relative_to("/")
            path.unlink()
            path.symlink_to(os.path.relpath(inside, path.parent))
