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
    "audit=0",
    "random.trust_cpu=on",
    # Otherwise each switch of tracing waits for all processors, which takes half of a claim's time.
    "rcupdate.rcu_expedited=1",
    # The devices, where Binder is built in (drivers/android/binder.c).
    "binder.devices=binder,hwbinder,vndbinder",
)
"""The arguments for every architecture."""


def kernel_arguments(architecture: Architecture) -> tuple[str, ...]:
    """The arguments with which an embedded device's kernel boots."""
    return (f"console={architecture.console}", *ARGUMENTS, *architecture.kernel_arguments)
