"""What makes a device as strict as a phone: `android=user` and `android=userdebug`.

SELinux enforces a policy, only adbd starts programs, and what a phone hides is hidden. The rest is in the
device's init (device_agents/init/security.c) and in the policy (policy/*.cil).
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.embedded.kernel.debian_kernels import BUILT_HERE, RUST_VERSION
from emulator.target import Target

OPEN = "none"
RUST = "rust"
NO_USERLAND = "none"
"""The value of `userland` for a device without a servicemanager."""
PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "user": {"ro.build.type": "user", "ro.debuggable": "0", "ro.secure": "1"},
    "userdebug": {"ro.build.type": "userdebug", "ro.debuggable": "1", "ro.secure": "1"},
}
"""What Android's build system sets, by build type (build/make/core/sysprop.mk; main.mk before Android 12)."""
IMPLIED = {"kernel": BUILT_HERE, "managers": "all"}
"""Options that have another default on such a device: with binderfs, and no binder device free."""
IMPLIED_BY_RUST = {"kernel": RUST_VERSION}
"""The same of a device with the driver in Rust, which may be open."""
NO_JAVA = "none"


def build_type(target: Target) -> str | None:
    """`user` or `userdebug`; None for a device that hides nothing."""
    chosen = target.option("android")
    return None if chosen == OPEN else chosen


def option(target: Target, name: str) -> str:
    """The value given for an option of an embedded device, or its default there."""
    if name in target.given:
        return target.option(name)
    implied = IMPLIED_BY_RUST if in_rust(target) else {}
    if build_type(target) is not None:
        implied = IMPLIED
    if has_java(target):  # which calls the servicemanager of its own release
        implied = {**implied, "userland": target.option("java")}
    return implied.get(name, target.option(name))


def in_rust(target: Target) -> bool:
    """Whether Binder's driver is to be the one in Rust."""
    return target.option("driver") == RUST


def has_java(target: Target) -> bool:
    """Whether AOSP's framework in Java is to be on the device."""
    return target.option("java") != NO_JAVA
