"""Faults of the device itself, inflicted by another user of its adb server."""

from __future__ import annotations

from tests.soak.on_host import on_device
from tests.soak.round import Fault

ANY = frozenset({0, 1, 3})
"""What the run was judging at that moment may be an error, and the device lost."""
LOST = frozenset({0, 3})
COMMANDS = (("verify", "node", "mmap", "proto", "limit"),)
"""Claims for some seconds: adb is connected a moment after the first ones."""


SIGNALS = ("KILL", "TERM", "HUP", "INT", "QUIT", "SEGV")


def _fault(name: str, what: str, ends: frozenset[int], *commands: str) -> Fault:
    return Fault(name, what, on_device(*commands, longest=2.0), ends, commands=COMMANDS)


def _signalled(program: str, ends: frozenset[int]) -> Fault:
    commands = [f"kill -{sent} $(pidof {program})" for sent in SIGNALS]
    return _fault(f"{program} signalled", f"a deadly signal to {program}", ends, *commands)


FAULTS_ON_DEVICE = (
    _signalled("syscall_agent", ANY),
    _signalled("channel_server", ANY),
    _signalled("adbd", frozenset({0, 1})),
    _signalled("servicemanager", frozenset({0, 1})),
    _fault("syscall_agent stopped", "SIGSTOP to syscall_agent", ANY, "kill -STOP $(pidof syscall_agent)"),
    _fault("all killed", "SIGKILL to all processes but the first", ANY, "kill -9 -1"),
    _fault("panic", "the device's kernel panics", LOST, "echo c > /proc/sysrq-trigger"),
    _fault("power-off", "the device is powered off", LOST, "echo o > /proc/sysrq-trigger", "poweroff -f"),
    _fault("reboot", "the device restarts", ANY, "reboot", "echo b > /proc/sysrq-trigger"),
    _fault("out of memory", "a process takes all memory", ANY, "tail /dev/zero"),
    _fault(
        "device's clock",
        "the device's time jumps",
        frozenset({0}),
        *("date -s 2001-01-01", "date -s 2037-12-31"),
    ),
)
