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
_STUB_FLAGS = ("-nostdlib", "-fno-builtin", "-w", "-shared")
_DYNAMIC_FLAGS = (
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-O2",
    "-fPIE",
    "-pie",
    "-nostdlib",
    "-fno-builtin",
    "-fno-stack-protector",
    "-s",
    "-Wl,--dynamic-linker=/system/bin/linker64",
    "-Wl,-rpath,/system/lib64",  # where Android looks in any case
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


def own_libbinder(architecture: Architecture) -> Path:
    """Uses the libbinder of an Android device; 6 KB, linked with the device's C library when it starts."""
    sources = SOURCES / "own_libbinder"

    def build(target: Path) -> None:
        logger.info("compiling %s for %s", sources, architecture)
        stubs = [target / f"{stub.stem}.so" for stub in sorted(sources.glob("stubs/*.c"))]
        for stub in stubs:
            source = sources / "stubs" / f"{stub.stem}.c"
            _compile([*_STUB_FLAGS, f"-Wl,-soname,{stub.name}", source, "-o", stub], architecture)
        program = sorted(sources.glob("*.c"))
        output = target / sources.name
        _compile([*_DYNAMIC_FLAGS, *LINKER_FLAGS, *program, *stubs, "-o", output], architecture)

    flags = (*_STUB_FLAGS, *_DYNAMIC_FLAGS, *LINKER_FLAGS, architecture.musl_triplet)
    key = cache.fingerprint(*flags, metadata.version("ziglang"), sources)
    return cache.entry(f"{sources.name}-{architecture}", key, build) / sources.name


def static_program(sources: Path, architecture: Architecture) -> Path:
    """A static executable, named as the directory of its C sources: from the cache, or compiled now.

    The first build compiles the C library, half a minute on two cores; the compiler keeps that (60 MB) in the
    cache, and the next build takes a second. Raises SetupError with the compiler's messages.
    """
    name = sources.name
    flags = (*_FLAGS, *LINKER_FLAGS)

    def build(target: Path) -> None:
        logger.info("compiling %s for %s", sources, architecture)
        _compile([*flags, *sorted(sources.glob("*.c")), "-o", target / name], architecture)

    key = cache.fingerprint(
        "-target", architecture.musl_triplet, *flags, metadata.version("ziglang"), sources
    )
    return cache.entry(f"{name}-{architecture}", key, build) / name


def _compile(arguments: list[str | Path], architecture: Architecture) -> None:
    compiler_cache = str(cache_root() / "zig")
    run(
        [sys.executable, "-m", "ziglang", "cc", "-target", architecture.musl_triplet, *arguments],
        seconds=BUILD_SECONDS,
        environment={"ZIG_GLOBAL_CACHE_DIR": compiler_cache, "ZIG_LOCAL_CACHE_DIR": compiler_cache},
        needs=f"`{sys.executable} -m pip install --force-reinstall ziglang` restores the compiler.",
    )
