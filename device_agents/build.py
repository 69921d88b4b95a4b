"""Compiles the agents, for any device, with a C compiler that pip installs: a run needs no toolchain."""

from __future__ import annotations

import sys
import tempfile
from importlib import metadata
from pathlib import Path

from emulator import cache
from emulator.command import run
from emulator.deadline import Deadline
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
_BUILD_SECONDS = 300.0


def build_syscall_agent(architecture: str, destination: Path, *, deadline: Deadline | None = None) -> Path:
    """Compile the syscall agent, a static executable of about 60 KB, and return `destination`.

    `architecture` is what `uname -m` says: x86_64 or aarch64. The first build compiles the C library, half a
    minute on two cores; the compiler keeps it (60 MB) in `.zig-cache` beside the destination, and the next
    build takes a second. Nothing is written elsewhere. Raises SetupError with the compiler's messages, or at
    the deadline (five minutes unless given); UsageError for another architecture.
    """
    deadline = deadline or Deadline(_BUILD_SECONDS)
    flags = _target_flags(architecture)
    destination.parent.mkdir(parents=True, exist_ok=True)
    compiler_cache = str(destination.parent / ".zig-cache")
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=".build-") as directory:
        unfinished = Path(directory) / destination.name
        run(
            [sys.executable, "-m", "ziglang", "cc", *flags, *sorted(_SOURCES.glob("*.c")), "-o", unfinished],
            seconds=deadline.remaining(),
            environment={"ZIG_GLOBAL_CACHE_DIR": compiler_cache, "ZIG_LOCAL_CACHE_DIR": compiler_cache},
            needs=f"`{sys.executable} -m pip install --force-reinstall ziglang` restores the compiler.",
        )
        unfinished.replace(destination)
    return destination


def fingerprint(architecture: str) -> str:
    """A hash over all that decides what build_syscall_agent() makes: sources, flags and compiler."""
    return cache.fingerprint(*_target_flags(architecture), metadata.version("ziglang"), _SOURCES)


def _target_flags(architecture: str) -> tuple[str, ...]:
    if architecture not in _ARCHITECTURE_FLAGS:
        known = " or ".join(_ARCHITECTURE_FLAGS)
        raise UsageError(f"there is no syscall agent for {architecture}: it can be built for {known}")
    return ("-target", f"{architecture}-linux-musl", *_FLAGS, *_ARCHITECTURE_FLAGS[architecture])
