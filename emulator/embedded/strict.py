"""What makes a device as strict as a phone: `android=user` and `android=userdebug`.

SELinux enforces a policy, only adbd starts programs, and what a phone hides is hidden. The rest is in the
device's init (device_agents/init/security.c) and in the policy (policy/*.cil).
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.embedded.kernel.debian_kernels import BUILT_HERE
from emulator.target import Target

OPEN = "none"
PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "user": {"ro.build.type": "user", "ro.debuggable": "0", "ro.secure": "1"},
    "userdebug": {"ro.build.type": "userdebug", "ro.debuggable": "1", "ro.secure": "1"},
}
"""What Android's build system sets, by build type (build/make/core/sysprop.mk; main.mk before Android 12)."""
IMPLIED = {"kernel": BUILT_HERE, "managers": "all"}
"""Options that have another default on such a device: with binderfs, and no binder device free."""


def build_type(target: Target) -> str | None:
    """`user` or `userdebug`; None for a device that hides nothing."""
    chosen = target.option("android")
    return None if chosen == OPEN else chosen


def option(target: Target, name: str) -> str:
    """The value given for an option of an embedded device, or its default there."""
    if build_type(target) is not None and name not in target.given:
        return IMPLIED.get(name, target.option(name))
    return target.option(name)
