"""What QEMU and the kernel must be told for each architecture: the board a device is built on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Board:
    """One architecture's machine."""

    program: str
    """QEMU's program for it."""
    machine: str
    """The machine model (qemu(1), -machine)."""
    processor: str
    """The processor model under emulation (qemu(1), -cpu)."""
    console: str
    """The kernel's name for the first serial port."""
    kernel_arguments: tuple[str, ...] = ()
    """What only a kernel of this architecture understands."""


BOARDS = {
    "x86_64": Board(
        "qemu-system-x86_64",
        "q35",
        "max",
        "ttyS0",
        ("8250.nr_uarts=1", "no_timer_check"),
    ),
    "aarch64": Board(
        "qemu-system-aarch64",
        # The newest interrupt controller: the one that is used otherwise serves eight processors at most.
        "virt,gic-version=max",
        # Emulated pointer authentication costs three times as much as all else of a start together.
        "max,pauth=off",
        "ttyAMA0",
    ),
}
"""By what `uname -m` says."""

COMMON_ARGUMENTS = (
    "quiet",
    # A panic stops here, is read off the console, and ends the machine.
    "panic=0",
    # AOSP's servicemanagers ask for the caller's security context, which only this module gives.
    "security=selinux",
    # What a kernel under emulation spends its start-up time on.
    "cryptomgr.notests",
    "initcall_blacklist=jent_mod_init",
    "mitigations=off",
    "audit=0",
    "random.trust_cpu=on",
    # Tracing waits for all processors at every switch, which costs half of a claim's time otherwise.
    "rcupdate.rcu_expedited=1",
    # Where Binder is built in, which devices there are (drivers/android/binder.c).
    "binder.devices=binder,hwbinder,vndbinder",
)


def kernel_arguments(architecture: str) -> tuple[str, ...]:
    """What the kernel of an embedded device is told."""
    board = BOARDS[architecture]
    return (f"console={board.console}", *COMMON_ARGUMENTS, *board.kernel_arguments)
