"""Compiles the policy of a device that is as strict as a phone, with Debian's secilc."""

from __future__ import annotations

from pathlib import Path

from emulator.base.command import run
from emulator.cache.store import entry, fingerprint

SOURCES = Path(__file__).parent
PARTS = ("classes.cil", "labels.cil", "domains.cil", "shell.cil", "never.cil")
MORE_PARTS = {"user": (), "userdebug": ("userdebug.cil",)}
"""By build type, what it adds to them."""
VERSION = "33"
"""The policy format, which kernels since 5.14 read (security/selinux/include/security.h)."""
COMPILE_SECONDS = 60.0


def security_policy(build_type: str) -> Path:
    """The compiled policy of a user or userdebug build, from the cache or compiled now.

    Raises SetupError where Debian's secilc is missing.
    """
    parts = [SOURCES / part for part in (*PARTS, *MORE_PARTS[build_type])]

    def build(target: Path) -> None:
        command = ["secilc", "--mls", "true", "--policyvers", VERSION, "--filecontext", "/dev/null"]
        run([*command, "--output", target / "sepolicy", *parts], seconds=COMPILE_SECONDS)

    return entry(f"policy-{build_type}", fingerprint(VERSION, *parts), build) / "sepolicy"
