"""Compiles the agents, for any device, with a C compiler that pip installs: a run needs no toolchain."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import device_agents
from emulator.cache import store as cache
from emulator.base.command import run
from emulator.base.errors import UsageError

SOURCES = Path(device_agents.__file__).parent
"""Where the sources of all that runs on a device are."""
_FLAGS = (
    "-std=gnu11",
    "-D_GNU_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O2",
    "-flto",
    "-s",
    "-static",
    "-Wl,-z,stack-size=262144",  # of each thread: musl takes it from the executable
)
_ARCHITECTURE_FLAGS: dict[str, tuple[str, ...]] = {
    "x86_64": (),
    "aarch64": ("-Wl,-z,max-page-size=65536",),  # loads where pages have 4, 16 or 64 KiB
}
BUILD_SECONDS = 300.0


def syscall_agent(architecture: str) -> Path:
    """The syscall agent, a static executable of about 60 KB; see static_program()."""
    return static_program(SOURCES / "syscall_agent", architecture)


def ipc_bench(architecture: str) -> Path:
    """What measures Binder beside other ways between processes, of about 60 KB; see static_program()."""
    return static_program(SOURCES / "ipc_bench", architecture)


def static_program(sources: Path, architecture: str) -> Path:
    """A static executable with the name of the directory of its C sources: from the cache, or compiled now.

    `architecture` is what `uname -m` says: x86_64 or aarch64. The first build compiles the C library, half a
    minute on two cores; the compiler keeps that (60 MB) in the cache, and the next build takes a second.
    Raises SetupError with the compiler's messages, UsageError for another architecture.
    """
    name = sources.name
    flags = _target_flags(name, architecture)
    compiler_cache = str(cache.cache_root() / "zig")

    def build(target: Path) -> None:
        compiler = (sys.executable, "-m", "ziglang", "cc")
        run(
            [*compiler, *flags, *sorted(sources.glob("*.c")), "-o", target / name],
            seconds=BUILD_SECONDS,
            environment={"ZIG_GLOBAL_CACHE_DIR": compiler_cache, "ZIG_LOCAL_CACHE_DIR": compiler_cache},
            needs=f"`{sys.executable} -m pip install --force-reinstall ziglang` restores the compiler.",
        )

    key = cache.fingerprint(*flags, metadata.version("ziglang"), sources)
    return cache.entry(f"{name}-{architecture}", key, build) / name


def _target_flags(name: str, architecture: str) -> tuple[str, ...]:
    if architecture not in _ARCHITECTURE_FLAGS:
        known = " or ".join(_ARCHITECTURE_FLAGS)
        raise UsageError(f"there is no {name} for {architecture}: it can be built for {known}")
    return ("-target", f"{architecture}-linux-musl", *_FLAGS, *_ARCHITECTURE_FLAGS[architecture])
