"""An Android device's libbinder.so and what it needs, for the embedded device, which has none of it.

It is built from the sources of the embedded device's own programs, but maps as much of the driver as that of
one vendor's Android 13 does: 2,088,960 bytes. Its C library and its loader are this machine's glibc, in the
places of bionic and linker64.
"""

from __future__ import annotations

from pathlib import Path

from emulator.base.architecture import DEFAULT
from emulator.build.clang import identity
from emulator.build.generation import ANDROID_11
from emulator.build.sources import unpacked_sources
from emulator.build.userland import build_aosp, recipe_of
from emulator.cache.store import entry, fingerprint
from harness.device.device import Device

MAPPED = 2 * 1024 * 1024 - 8 * 1024
TARGETS = {"libbinder.so": "shared_binder", "libbinder_ndk.so": "shared_ndk"}
ADDED = Path(__file__).with_suffix(".cmake")
PROCESS_STATE = "frameworks/native/libs/binder/ProcessState.cpp"
LIBRARIES = Path("/usr/lib") / DEFAULT.gnu_triplet
LOADER = LIBRARIES / {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}[DEFAULT.name]


def shared_libbinder() -> Path:
    """The directory of the libraries: from the cache, or built now, in half a minute on two cores."""

    def build(target: Path) -> None:
        with unpacked_sources(ANDROID_11) as source:
            file = source / PROCESS_STATE
            original = file.read_text()
            file.write_text(original.replace("((1 * 1024 * 1024)", "((2 * 1024 * 1024)"))
            assert file.read_text() != original
            built = build_aosp(
                source, ANDROID_11, DEFAULT, *TARGETS.values(), CMAKE_PROJECT_aosp_INCLUDE=ADDED
            )
            for name in TARGETS:
                (built / name).rename(target / name)

    return entry(
        "shared-libbinder",
        fingerprint(Path(__file__), ADDED, *recipe_of(ANDROID_11), identity(DEFAULT)),
        build,
    )


def put_libbinder_on(device: Device) -> None:
    """Have the device have a libbinder of its own."""
    device.shell("mkdir -p /system/lib64")
    device.push(LOADER.resolve(), "/system/bin/linker64", mode=0o755)
    for here, there in (("libc.so.6", "libc.so"), ("libm.so.6", "libm.so.6"), ("libdl.so.2", "libdl.so")):
        device.push((LIBRARIES / here).resolve(), f"/system/lib64/{there}")
    for name in TARGETS:
        device.push(shared_libbinder() / name, f"/system/lib64/{name}")
