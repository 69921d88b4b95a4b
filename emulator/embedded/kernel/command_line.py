"""The kernel command line of the embedded device."""

from __future__ import annotations

from emulator.base.architecture import Architecture

ARGUMENTS = (
    "quiet",
    # A panic stops here; the console shows it, and the machine is ended.
    "panic=0",
    # AOSP's servicemanagers ask for the caller's security context, which only this module provides.
    "security=selinux",
    # On these an emulated kernel spends most of its start-up time.
    "cryptomgr.notests",
    "initcall_blacklist=jent_mod_init",
    "mitigations=off",
    "random.trust_cpu=on",
    # Otherwise each switch of tracing waits for all processors, which takes half of a claim's time.
    "rcupdate.rcu_expedited=1",
    # The devices, where Binder is built in (drivers/android/binder.c).
    "binder.devices=binder,hwbinder,vndbinder",
)
"""The arguments for every architecture and every device."""
WITHOUT_AUDIT = "audit=0"
"""Refusals of a security policy are then not logged; a kernel without one starts faster."""


def kernel_arguments(architecture: Architecture, *, audit: bool = False) -> tuple[str, ...]:
    """The arguments with which an embedded device's kernel boots; with `audit` it logs what it refuses."""
    without = () if audit else (WITHOUT_AUDIT,)
    return (f"console={architecture.console}", *ARGUMENTS, *without, *architecture.kernel_arguments)
