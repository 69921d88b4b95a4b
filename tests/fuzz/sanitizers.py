"""Builds of the agents in C with AddressSanitizer and UndefinedBehaviorSanitizer.

They run on the developer's machine, and reach only what the headers in `sanitized/` let them: the input
decides which system calls the agent makes, and which programs the channel server starts.
"""

from __future__ import annotations

from pathlib import Path

from emulator.base.command import run
from emulator.build.agents import SOURCES

HEADERS = Path(__file__).with_name("sanitized")
FLAGS = ("-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-fno-omit-frame-pointer", "-pthread")
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
ADDRESS = "-fsanitize=address"
BUILD_SECONDS = 120.0
ENVIRONMENT = {
    # Faults on addresses that come from the host are the agent's to handle.
    "ASAN_OPTIONS": "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
}


def build_syscall_agent(directory: Path) -> Path:
    """The system call agent; only the kernel checks its accesses to addresses that come from the host."""
    header = HEADERS / "syscall_agent.h"
    objects: list[Path] = []
    for source in sorted((SOURCES / "syscall_agent").glob("*.c")):
        flags = ["-DHOST_ADDRESSES"] if source.stem in ("memory", "blake2b") else [ADDRESS]
        flags += ["-DCALLS_OF_THE_HOST"] if source.stem == "batch" else []
        objects.append(directory / f"{source.stem}.o")
        _compile(*flags, "-include", header, "-c", source, "-o", objects[-1])
    program = directory / "syscall_agent"
    _compile(ADDRESS, *objects, "-o", program)
    return program


def build_channel_server(directory: Path) -> Path:
    """The channel server, with its ports in the directory that $PORTS names."""
    program = directory / "channel_server"
    source = SOURCES / "channel_server" / "channel_server.c"
    _compile(ADDRESS, "-include", HEADERS / "channel_server.h", source, "-o", program)
    return program


def _compile(*words: str | Path) -> None:
    run(["gcc", *FLAGS, *UNDEFINED, *words], seconds=BUILD_SECONDS, needs="gcc comes with g++.")
