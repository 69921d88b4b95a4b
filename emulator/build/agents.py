"""Compiles agents for any device with a C compiler that pip installs: a run needs no toolchain."""

from __future__ import annotations

import logging
import sys
from importlib import metadata
from pathlib import Path

import device_agents
from emulator.base.architecture import LINKER_FLAGS, Architecture
from emulator.base.command import run
from emulator.cache import store as cache
from emulator.cache.root import cache_root

logger = logging.getLogger(__name__)

SOURCES = Path(device_agents.__file__).parent
"""Where the sources of everything that runs on a device are."""
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
BUILD_SECONDS = 300.0


def syscall_agent(architecture: Architecture) -> Path:
    """The syscall agent, a static executable of about 60 KB; see static_program()."""
    return static_program(SOURCES / "syscall_agent", architecture)


def ipc_bench(architecture: Architecture) -> Path:
    """Measures Binder and other ways between processes, in about 60 KB; see static_program()."""
    return static_program(SOURCES / "ipc_bench", architecture)


def channel_server(architecture: Architecture) -> Path:
    """Runs programs on the device for the host; see emulator/embedded/qemu/virtio_serial.py."""
    return static_program(SOURCES / "channel_server", architecture)


def init(architecture: Architecture) -> Path:
    """The embedded device's first process."""
    return static_program(SOURCES / "init", architecture)


def static_program(sources: Path, architecture: Architecture) -> Path:
    """A static executable, named as the directory of its C sources: from the cache, or compiled now.

    The first build compiles the C library, half a minute on two cores; the compiler keeps that (60 MB) in the
    cache, and the next build takes a second. Raises SetupError with the compiler's messages.
    """
    name = sources.name
    flags = ("-target", architecture.musl_triplet, *_FLAGS, *LINKER_FLAGS)
    compiler_cache = str(cache_root() / "zig")

    def build(target: Path) -> None:
        logger.info("compiling %s for %s", sources, architecture)
        compiler = (sys.executable, "-m", "ziglang", "cc")
        run(
            [*compiler, *flags, *sorted(sources.glob("*.c")), "-o", target / name],
            seconds=BUILD_SECONDS,
            environment={"ZIG_GLOBAL_CACHE_DIR": compiler_cache, "ZIG_LOCAL_CACHE_DIR": compiler_cache},
            needs=f"`{sys.executable} -m pip install --force-reinstall ziglang` restores the compiler.",
        )

    key = cache.fingerprint(*flags, metadata.version("ziglang"), sources)
    return cache.entry(f"{name}-{architecture}", key, build) / name
