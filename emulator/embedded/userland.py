"""The embedded device's programs: busybox from Debian, AOSP's adbd built from Debian's source of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from emulator.cache import entry, fingerprint
from emulator.command import run
from emulator.packages import package_index, recorded_version

GUEST = Path(__file__).with_name("guest")
AOSP_SOURCE = "android-platform-tools"
BUILD_SECONDS = 1200.0


def busybox() -> Path:
    """Debian's static busybox, unpacked from its package."""
    package = "busybox-static"
    version = recorded_version(package, lambda index: index.version(package))

    def unpack(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            with package_index() as index:
                archive = index.download(f"{package}={version}", Path(scratch))
            run(["dpkg-deb", "--extract", archive, scratch], seconds=60)
            (found,) = [*Path(scratch).glob("bin/busybox"), *Path(scratch).glob("usr/bin/busybox")]
            found.rename(target / "busybox")

    return entry(package, fingerprint(package, version, Path(__file__)), unpack) / "busybox"


def adbd_root() -> Path:
    """AOSP's adbd, static, and the commands it hands work to, laid out as in the device's file system."""
    source = aosp_source()
    recipe = GUEST / "adbd"

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            unpacked = Path(scratch) / "source"
            (description,) = source.glob("*.dsc")
            run(["dpkg-source", "--no-check", "--extract", description, unpacked], seconds=600)
            run(
                [
                    "make",
                    f"--directory={recipe}",
                    f"--jobs={os.cpu_count() or 1}",
                    f"SOURCE={unpacked}",
                    f"OUTPUT={scratch}/built",
                ],
                seconds=BUILD_SECONDS,
            )
            shutil.copytree(Path(scratch) / "built" / "root", target / "root")

    return entry("adbd", fingerprint(source.name, recipe), build) / "root"


def aosp_source() -> Path:
    """Directory of the source package (.dsc and tarballs) that holds adbd, libbinder and servicemanager."""
    version = recorded_version(AOSP_SOURCE, lambda index: index.source_version(AOSP_SOURCE))

    def download(target: Path) -> None:
        with package_index() as index:
            index.download_source(f"{AOSP_SOURCE}={version}", target)

    return entry(f"{AOSP_SOURCE}-source", fingerprint(AOSP_SOURCE, version), download)
