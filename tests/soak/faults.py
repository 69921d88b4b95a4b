"""The faults of the soak, one record each."""

from __future__ import annotations

import signal

from tests.soak import clock, on_disk
from tests.soak.on_device import FAULTS_ON_DEVICE
from tests.soak.on_host import (
    end_adb_server,
    is_adb_server,
    is_keeper,
    is_qemu,
    signal_one,
    signal_run,
    stop_for_a_while,
)
from tests.soak.round import Fault, Round

VERIFY = ("verify", "node", "mmap")
ONE_CLAIM = (("verify", "mmap.once"),)
ANY_START = (
    VERIFY,
    VERIFY,
    ("shell", "sleep", "2"),
    ("boot",),
    ("matrix", "node", "--target", "embedded", "--target", "embedded?memory=256", "-j", "2"),
)
"""What a user starts, and may end at any moment."""
LONGEST = 2.2
"""Seconds: a little more than these take on an idle machine."""
AS_EXPECTED, LOST, MISSING = 0, 3, 4
DEADLY = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSEGV)


def ended_by(*signals: signal.Signals) -> frozenset[int]:
    """The statuses of a run that a signal may have ended, unless it was done before."""
    return frozenset({AS_EXPECTED, *(128 + each for each in signals)})


def nothing(this: Round) -> bool:
    """The fault is there from the start."""
    return this.running


def _start_and_end(sent: signal.Signals) -> Fault:
    return Fault(
        f"start and {sent.name}",
        f"{sent.name} to a run at any moment from its start",
        signal_run(sent, LONGEST),
        ended_by(sent),
        commands=ANY_START,
    )


START_AND_END = tuple(map(_start_and_end, (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))

FAULTS = (
    *START_AND_END,
    Fault(
        "QEMU signalled",
        "a deadly signal to QEMU while claims are judged",
        signal_one(is_qemu, 1.0, *DEADLY),
        frozenset({AS_EXPECTED, LOST}),
    ),
    Fault("QEMU stopped", "QEMU stands still for up to 2 s", stop_for_a_while(is_qemu, 1.0)),
    Fault("run stopped", "the run stands still for up to 2 s", stop_for_a_while(None, 1.5)),
    Fault(
        "adb server signalled", "a deadly signal to the adb server", signal_one(is_adb_server, 1.0, *DEADLY)
    ),
    Fault("adb server ended", "`adb kill-server` by another program", end_adb_server),
    Fault(
        "adb server stopped",
        "the adb server stands still for up to 2 s",
        stop_for_a_while(is_adb_server, 1.0),
    ),
    Fault(
        "keeper signalled", "a deadly signal to the adb server's keeper", signal_one(is_keeper, 1.0, *DEADLY)
    ),
    *FAULTS_ON_DEVICE,
    Fault(
        "cache flipped", "one bit of some files in the cache", nothing, prepare=on_disk.damage(on_disk.flip)
    ),
    Fault("cache cut", "some files in the cache are shorter", nothing, prepare=on_disk.damage(on_disk.cut)),
    Fault(
        "cache removed", "some files in the cache are gone", nothing, prepare=on_disk.damage(on_disk.remove)
    ),
    Fault(
        "cache read-only",
        "a file system that takes no writes",
        nothing,
        frozenset({MISSING}),
        prepare=on_disk.read_only_cache,
        needs_root=True,
    ),
    Fault(
        "cache full",
        "no room in the cache's file system",
        nothing,
        frozenset({AS_EXPECTED, MISSING}),
        prepare=on_disk.full_cache,
        needs_root=True,
    ),
    Fault(
        "TMPDIR full",
        "no room for temporary files",
        nothing,
        prepare=on_disk.full_temporary,
        needs_root=True,
    ),
    Fault(
        "one of two",
        "SIGKILL to one of two runs that began together",
        signal_run(signal.SIGKILL, LONGEST),
        ended_by(signal.SIGKILL),
        at_once=2,
    ),
    Fault(
        "one of four",
        "SIGTERM to one of four runs that began together",
        signal_run(signal.SIGTERM, 2 * LONGEST),
        ended_by(signal.SIGTERM),
        at_once=4,
    ),
    Fault(
        "clock jumps",
        "the time of day jumps for the run, adb and QEMU",
        clock.inflict,
        prepare=clock.prepare,
    ),
)
