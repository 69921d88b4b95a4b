"""What a device is and can show: the facts that expectations and experiments depend on."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from emulator.base.errors import FacilityMissingError
from emulator.build.generation import DEFAULT_GENERATION

LIBBINDER_RELEASE = DEFAULT_GENERATION.number
"""The release of Android of the libbinder in programs that are built here, unless a device has another."""


class Need(StrEnum):
    """A facility without which an experiment cannot be done."""

    ROOT = "root"
    FREE_BINDER = "free_binder"
    BINDER_DEBUG = "binder_debug"
    TRACING = "tracing"
    KPROBES = "kprobes"
    DRIVER_PROBES = "driver_probes"
    PROBE_ARGUMENTS = "probe_arguments"
    PAGEMAP = "pagemap"
    KCORE = "kcore"
    SERVICE_MANAGER = "service_manager"
    FRAMEWORK = "framework"
    JAVA = "java"
    FRAMEWORK_CODE = "framework_code"
    FREEZE_NOTIFICATIONS = "freeze_notifications"
    TRANSACTION_REPORTS = "transaction_reports"
    HASHED_DEBUG_FILES = "hashed_debug_files"

    @property
    def meaning(self) -> str:
        """A name of the facility for people."""
        return _FACILITIES[self].meaning

    @property
    def found_on(self) -> str:
        """Which devices have it."""
        return _FACILITIES[self].found_on

    def reason(self, facts: Facts) -> str | None:
        """Why the device lacks it; None where it has it."""
        if self.met_by(facts):
            return None
        return facts.reasons.get(self, "this device does not have it").removesuffix(".")

    def missing(self, facts: Facts) -> str | None:
        """Why the device lacks it and which devices have it; None where this one has it."""
        reason = self.reason(facts)
        return reason and f"needs {self.meaning}: {reason}. It can be tested on {self.found_on}."

    def met_by(self, facts: Facts) -> bool:
        """Whether the device has it, by the fact of the same name or the one given for it."""
        return bool(getattr(facts, _FACILITIES[self].fact or self.value))

    def require(self, facts: Facts) -> None:
        """Raise FacilityMissingError where the device lacks it."""
        reason = self.missing(facts)
        if reason is not None:
            raise FacilityMissingError(reason)


@dataclass(frozen=True, slots=True)
class _Facility:
    meaning: str
    found_on: str
    fact: str = ""


def java_is_put(needs: Collection[Need], facts: Facts) -> bool:
    """Whether what has these needs uses AOSP's Java, on a device in whose image that is not."""
    used = Need.JAVA in needs or (Need.FRAMEWORK_CODE in needs and not facts.android_framework)
    return used and facts.java is None


_ROOTED = "the target `embedded`, or any userdebug, eng or rooted device"
_TRACED = "the target `embedded`, or a rooted device whose kernel has it"
_FACILITIES = {
    Need.ROOT: _Facility("root", _ROOTED),
    Need.FREE_BINDER: _Facility(
        "a binder device whose context manager nobody is",
        "the target `embedded`, or a rooted device with binderfs",
        fact="free_binder_device",
    ),
    Need.BINDER_DEBUG: _Facility("the driver's debug files", _ROOTED),
    Need.TRACING: _Facility("tracefs", _TRACED, fact="tracefs"),
    Need.KPROBES: _Facility("kernel probes", _TRACED),
    Need.DRIVER_PROBES: _Facility(
        "kernel probes on the driver's functions", "the target `embedded` with the driver in C"
    ),
    Need.PROBE_ARGUMENTS: _Facility(
        "probe arguments by name (BTF)", "a kernel that reads its own BTF: 6.12, not 6.1"
    ),
    Need.PAGEMAP: _Facility("frame numbers from /proc/PID/pagemap", _ROOTED),
    Need.KCORE: _Facility("/proc/kcore", _TRACED),
    Need.SERVICE_MANAGER: _Facility("a running servicemanager", "any Android device"),
    Need.FRAMEWORK: _Facility("Android's framework", "an Android emulator, Cuttlefish or a phone"),
    Need.FREEZE_NOTIFICATIONS: _Facility(
        "notifications of frozen processes", "a kernel from 6.12 on, or one of Android's that has them"
    ),
    Need.TRANSACTION_REPORTS: _Facility(
        "reports of failed transactions over netlink", "a kernel from 6.18 on, such as `embedded?kernel=7.3`"
    ),
    Need.HASHED_DEBUG_FILES: _Facility(
        "debug files that hide addresses",
        "the driver in C of a kernel from 6.18 on, such as `embedded?kernel=7.3`",
    ),
    Need.JAVA: _Facility(
        "AOSP's framework in Java", "the target `embedded`, on which it is put", fact="takes_java"
    ),
    Need.FRAMEWORK_CODE: _Facility(
        "the code of Android's framework",
        "an Android emulator, Cuttlefish, a phone, or the target `embedded`, on which AOSP's Java is put",
        fact="has_framework_code",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One device's facts. What is missing is None, False or empty; `reasons` has the reason."""

    architecture: str
    """As `uname -m` prints it: x86_64, aarch64."""
    page_size: int
    """In bytes."""
    kernel_release: str
    """As `uname -r` prints it."""
    processors: int
    memory_bytes: int
    android_release: str | None = None
    """ro.build.version.release; None where no Android runs, as on the embedded device."""
    api_level: int | None = None
    build_type: str | None = None
    """ro.build.type: user, userdebug or eng."""
    userland: int | None = None
    """The release of Android that the embedded device's libbinder and commands are of; None elsewhere."""
    java: int | None = None
    """The release of AOSP's framework in Java that an embedded device has; None where it has none."""
    root: bool = False
    binder_devices: tuple[str, ...] = ()
    """Paths of the device nodes."""
    free_binder_device: str | None = None
    """Path of one whose context manager an experiment can be: made for this run where binderfs allows it."""
    binder_protocol: int | None = None
    """What BINDER_VERSION returns."""
    binder_debug: str | None = None
    """Directory of the driver's debug files: debugfs, or binder_logs of binderfs."""
    tracefs: str | None = None
    """Where tracefs is mounted."""
    kprobes: bool = False
    """Whether the kernel accepts probes on its functions."""
    driver_probes: bool = False
    """Whether it accepts them on the driver's: those of the driver in Rust have no hooks for probes."""
    probe_arguments: bool = False
    """Whether a probe's arguments can be given by name (BTF), not by register alone."""
    pagemap: bool = False
    """Whether /proc/PID/pagemap shows frame numbers."""
    kcore: bool = False
    driver: str | None = None
    """"C" or "Rust"."""
    driver_ioctls: frozenset[str] = frozenset()
    """Kernel names of the ioctls that the driver supports."""
    refused_ioctls: frozenset[str] = frozenset()
    """Those that a security policy refused (EACCES, EPERM), so that nothing is known of them."""
    driver_features: tuple[str, ...] = ()
    """What binderfs lists in `features`; nothing where none is mounted, or before Linux 5.13."""
    freeze_notifications: bool = False
    """Whether the driver takes BC_REQUEST_FREEZE_NOTIFICATION (Linux 6.12)."""
    transaction_reports: bool = False
    """Whether the kernel reports failed transactions over generic netlink (Linux 6.18)."""
    hashed_debug_files: bool = False
    """Whether there are `state_hashed` and `transactions_hashed` (the driver in C, Linux 6.18)."""
    service_manager: bool = False
    """Whether the context manager of /dev/binder is a running servicemanager."""
    framework: bool = False
    """Whether the activity manager is registered."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a facility is missing, by the value of its Need."""
    not_recorded: frozenset[str] = frozenset()
    """Names of facts of which a stored run has nothing, since the release that wrote it did not know them."""

    @property
    def takes_java(self) -> bool:
        """Whether AOSP's framework in Java is there or can be put there: on embedded devices, by root."""
        return self.java is not None or (
            self.userland is not None and self.root and self.free_binder_device is not None
        )

    @property
    def android_framework(self) -> bool:
        """Whether the activity manager is Android's own, and not a stand-in that was started elsewhere."""
        return self.framework and self.android_release is not None

    @property
    def art(self) -> bool:
        """Whether ART can run the agent in Java: from Android 10 on the framework has all that this uses."""
        return self.android_framework and (self.api_level or 0) >= 29

    @property
    def has_framework_code(self) -> bool:
        """Whether code of Android's framework can run: in its own processes, or in AOSP's Java."""
        return self.android_framework or self.takes_java

    @property
    def libbinder_release(self) -> int:
        """The release of Android of the libbinder in programs that are built here and put on the device.

        On the embedded device it is that of its user space, elsewhere 11.
        """
        return self.userland or LIBBINDER_RELEASE

    @property
    def kernel_version(self) -> tuple[int, ...]:
        """The release's leading numbers, for comparisons: (6, 12, 48)."""
        numbers = re.match(r"\d+(\.\d+)*", self.kernel_release)
        return tuple(int(number) for number in numbers[0].split(".")) if numbers else ()
