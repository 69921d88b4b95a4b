"""Faults of the device itself, inflicted by another user of its adb server."""

from __future__ import annotations

from tests.soak.on_host import on_device
from tests.soak.round import Fault

ANY = frozenset({0, 1, 3})
"""What the run was judging at that moment may be an error, and the device lost."""
LOST = frozenset({0, 3})
COMMANDS = (("verify", "node", "mmap", "proto", "limit"),)
"""Claims for some seconds: adb is connected a moment after the first ones."""


def _fault(name: str, what: str, command: str, ends: frozenset[int]) -> Fault:
    return Fault(name, what, on_device(command, 2.0), ends, commands=COMMANDS)


def _killed(program: str, ends: frozenset[int]) -> Fault:
    return _fault(f"{program} killed", f"SIGKILL to {program}", f"kill -9 $(pidof {program})", ends)


FAULTS_ON_DEVICE = (
    _killed("syscall_agent", ANY),
    _killed("channel_server", ANY),
    _killed("adbd", frozenset({0, 1})),
    _killed("servicemanager", frozenset({0, 1})),
    _fault("all killed", "SIGKILL to all processes but the first", "kill -9 -1", ANY),
    _fault("panic", "the device's kernel panics", "echo c > /proc/sysrq-trigger", LOST),
    _fault("power-off", "the device is powered off", "echo o > /proc/sysrq-trigger", LOST),
    _fault("reboot", "the device restarts", "reboot", ANY),
    _fault("out of memory", "a process takes all memory", "tail /dev/zero", ANY),
    _fault("device's clock", "the device's time jumps to 2001", "date -s 2001-01-01", frozenset({0})),
)
