"""What the soak types at the prompt of `repl`: starts and ends processes, and reads what they have left."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import re
from pathlib import Path

from harness.device.device import Device

SERVERS = ("adbd", "channel_server")
"""The programs on the device that start others for the harness."""


def start_and_end(device: Device, count: int) -> None:
    """Start a process on the device and end it, so many times."""
    for _ in range(count):
        with device.process() as process:
            process.syscall("getpid")


def print_reading(device: Device) -> None:
    """Print what is open and in use, here and on the device, as a line of JSON; memory is in KiB."""
    processes = [int(name) for name in device.files.list_directory("/proc") if name.isdecimal()]
    programs = [process for process in processes if _is_program(device, process)]
    counts = {
        "descriptors here": len(os.listdir("/proc/self/fd")),
        "threads here": len(os.listdir("/proc/self/task")),
        "processes on the device": len(programs),
        **{f"descriptors of {name}": count for name, count in _descriptors(device, programs).items()},
    }
    memory = {
        "memory here": _own_memory(),
        "memory in use on the device": in_use(device),
    }
    print("READING", json.dumps({"counts": counts, "memory": memory}), flush=True)


def _is_program(device: Device, process: int) -> bool:
    """Whether it is a process of user space: the kernel's workers have no command line, and come and go."""
    with contextlib.suppress(OSError):  # it has just ended
        return bool(device.files.read_bytes(f"/proc/{process}/cmdline"))
    return False


def _own_memory() -> int:
    """KiB of this process that are in use, without what is free between them (malloc_trim(3))."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident(os.getpid())


def _descriptors(device: Device, processes: list[int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for process in processes:
        with contextlib.suppress(OSError):  # it has just ended
            name = device.files.read_text(f"/proc/{process}/comm").strip()
            if name in SERVERS:
                found[name] = len(device.files.list_directory(f"/proc/{process}/fd"))
    return found


def in_use(device: Device) -> int:
    """KiB of the device's memory that are not available (proc_meminfo(5), MemTotal and MemAvailable)."""
    text = device.files.read_text("/proc/meminfo")
    return _kib("MemTotal", text) - _kib("MemAvailable", text)


def resident(process: int) -> int:
    """KiB of memory that a process of this machine has."""
    return _kib("VmRSS", Path(f"/proc/{process}/status").read_text())


def _kib(name: str, text: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    assert found is not None
    return int(found[1])
