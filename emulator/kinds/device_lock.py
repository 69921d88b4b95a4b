"""Lets one run at a time use a device that several can reach: the others wait, and report for whom."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import IO

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, UsageError
from emulator.base.lock_file import lock_file, take
from emulator.base.progress import report
from emulator.cache.store import lock_path

WAITS_AT_MOST = 3600.0
"""Seconds that this run waits for another to release a device."""
REPORT_SECONDS = 30.0


@contextlib.contextmanager
def device_lock(serial: str, deadline: Deadline | None = None) -> Iterator[None]:
    """Hold the device for the block, after a wait for the run that has it: for an hour, or until `deadline`.

    The kernel releases the lock of a run that was killed. Raises UsageError when this very process has the
    device, HarnessError, naming the other process, when that does not release it in time.
    """
    deadline = deadline or Deadline(WAITS_AT_MOST)
    path = lock_path(f"device-{serial}")
    with lock_file(path, lambda lock: _acquire(lock, serial, deadline)) as lock:
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _acquire(lock: IO[str], serial: str, deadline: Deadline) -> None:
    reported = -REPORT_SECONDS
    while not take(lock):
        owner = _owner(lock)
        if owner == str(os.getpid()):
            raise UsageError(f"This process already uses the device {serial}: close that first.")
        if deadline.expired:
            raise HarnessError(
                f"The device {serial} was in use by process {owner} for {deadline.seconds:g} s. "
                f"End that process (`kill {owner}`), or give this run another device."
            )
        if time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            report(f"the device {serial} is in use by process {owner}: waiting for its end")
        time.sleep(min(0.1, deadline.remaining()))


def _owner(lock: IO[str]) -> str:
    lock.seek(0)
    return lock.read().strip() or "(just starting)"
