"""Compiles the agents, for any device, with a C compiler that pip installs: a run needs no toolchain."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

from emulator import cache
from emulator.command import run
from emulator.errors import UsageError

_SOURCES = Path(__file__).parent / "syscall_agent"
_FLAGS = (
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Os",
    "-s",
    "-static",
    "-Wl,-z,stack-size=262144",  # of each thread: musl takes it from the executable
)
_ARCHITECTURE_FLAGS: dict[str, tuple[str, ...]] = {
    "x86_64": (),
    "aarch64": ("-Wl,-z,max-page-size=65536",),  # loads where pages have 4, 16 or 64 KiB
}
BUILD_SECONDS = 300.0
NAME = "syscall_agent"


def syscall_agent(architecture: str) -> Path:
    """The syscall agent, a static executable of about 60 KB: from the user's cache, or compiled now.

    `architecture` is what `uname -m` says: x86_64 or aarch64. The first build compiles the C library, half a
    minute on two cores; the compiler keeps that (60 MB) in the cache, and the next build takes a second.
    Raises SetupError with the compiler's messages, UsageError for another architecture.
    """
    flags = _target_flags(architecture)
    compiler_cache = str(cache.cache_root() / "zig")

    def build(target: Path) -> None:
        run(
            [
                sys.executable,
                "-m",
                "ziglang",
                "cc",
                *flags,
                *sorted(_SOURCES.glob("*.c")),
                "-o",
                target / NAME,
            ],
            seconds=BUILD_SECONDS,
            environment={"ZIG_GLOBAL_CACHE_DIR": compiler_cache, "ZIG_LOCAL_CACHE_DIR": compiler_cache},
            needs=f"`{sys.executable} -m pip install --force-reinstall ziglang` restores the compiler.",
        )

    key = cache.fingerprint(*flags, metadata.version("ziglang"), _SOURCES)
    return cache.entry(f"{NAME}-{architecture}", key, build) / NAME


def _target_flags(architecture: str) -> tuple[str, ...]:
    if architecture not in _ARCHITECTURE_FLAGS:
        known = " or ".join(_ARCHITECTURE_FLAGS)
        raise UsageError(f"there is no syscall agent for {architecture}: it can be built for {known}")
    return ("-target", f"{architecture}-linux-musl", *_FLAGS, *_ARCHITECTURE_FLAGS[architecture])
