"""The protocols of the service managers of all Android releases: method codes and wire formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntFlag, StrEnum
from itertools import takewhile

from emulator.base.errors import FacilityMissingError
from harness.binder.abi.objects import Node
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat

INTERFACE = "android.os.IServiceManager"

_ACCESSOR = 1
"""The tag of Service.accessor (Service.aidl, Android 15 and 16)."""
_LENGTH_ALONE = 4

Object = Node | int
"""An object of the process itself, or another process's by its handle."""


class DumpPriority(IntFlag):
    """IServiceManager.aidl, DUMP_FLAG_*: when `dumpsys` asks a service, and whether in protobuf."""

    CRITICAL = 1
    HIGH = 2
    NORMAL = 4
    DEFAULT = 8
    PROTO = 16


ALL_PRIORITIES = DumpPriority.CRITICAL | DumpPriority.HIGH | DumpPriority.NORMAL | DumpPriority.DEFAULT


class Kind(StrEnum):
    """Whose service manager it is: each kind of process has a libbinder with a header of its own."""

    SYSTEM = "ANDROID"
    VENDOR = "VENDOR"
    RECOVERY = "RECOVERY"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One generation of IServiceManager."""

    name: str
    """The releases that use it."""
    wire: WireFormat
    methods: tuple[str, ...]
    """AOSP's names of the methods, in the order of their codes, which start at 1."""

    @property
    def in_c(self) -> bool:
        """Whether it is the service manager in C, which Android 11 replaced: it refuses with status -1."""
        return self.wire.header is None

    @property
    def checks_in_union(self) -> bool:
        """Whether checkService returns an android.os.Service, a union, not the binder itself."""
        return "getService2" in self.methods and "checkService2" not in self.methods

    def of(self, kind: Kind) -> Dialect:
        """The same, spoken by a kind of process; this one where it is the system's or in C."""
        if kind is Kind.SYSTEM or self.in_c:
            return self
        wire = WireFormat[f"{kind}_{self.wire.release}"]
        return replace(self, name=f"{self.name}, for {kind.lower()} processes", wire=wire)

    def code(self, method: str) -> int:
        """The code of a method; FacilityMissingError with the list of methods if there is no such method."""
        if method not in self.methods:
            raise FacilityMissingError(
                f"The service manager of {self.name} has no {method}; it has {', '.join(self.methods)}."
            )
        return self.methods.index(method) + 1

    def request(self) -> Parcel:
        """The start of a call's data."""
        return Parcel(self.wire).interface_token(INTERFACE)


_IN_C = ("getService", "checkService", "addService", "listServices")
_LATEST = (
    "getService",
    "getService2",
    "checkService",
    "checkService2",
    "addService",
    "listServices",
    "registerForNotifications",
    "unregisterForNotifications",
    "isDeclared",
    "getDeclaredInstances",
    "updatableViaApex",
    "getUpdatableNames",
    "getConnectionInfo",
    "registerClientCallback",
    "tryUnregisterService",
    "getServiceDebugInfo",
    "checkServiceAccess",
)


def _without(methods: tuple[str, ...], *missing: str) -> tuple[str, ...]:
    return tuple(method for method in methods if method not in missing)


# Every release since 11 has added methods, some of them between others
# (frameworks/native/libs/binder/aidl/android/os/IServiceManager.aidl of each).
_16 = _without(_LATEST, "checkServiceAccess")
_15_LATE = _without(_16, "checkService2")
_14 = _without(_15_LATE, "getService2")
_13 = _without(_14, "getUpdatableNames")
_12 = _without(_13, "getConnectionInfo")
_11 = _without(_12, "getDeclaredInstances", "updatableViaApex", "getServiceDebugInfo")

ANDROID_9 = Dialect("Android 9 and earlier", WireFormat.ANDROID_9, _IN_C)
ANDROID_10 = Dialect("Android 10", WireFormat.ANDROID_10, _IN_C)
ANDROID_11 = Dialect("Android 11", WireFormat.ANDROID_11, _11)
ANDROID_12 = Dialect("Android 12", WireFormat.ANDROID_12, _12)
ANDROID_13 = Dialect("Android 13", WireFormat.ANDROID_13, _13)
ANDROID_14 = Dialect("Android 14 and the first Android 15", WireFormat.ANDROID_13, _14)
ANDROID_15_LATE = Dialect("the later Android 15", WireFormat.ANDROID_13, _15_LATE)
ANDROID_16 = Dialect("Android 16", WireFormat.ANDROID_13, _16)
ANDROID_16_LATE = Dialect("the later Android 16", WireFormat.ANDROID_13, _LATEST)

DIALECTS_IN_C = (ANDROID_10, ANDROID_9)
ADDING_THIRD = (ANDROID_11, ANDROID_12, ANDROID_13, ANDROID_14)
"""Those whose third method is addService."""
CHECKING_IN_UNION_THIRD = (ANDROID_15_LATE,)
"""Those whose third method is the checkService that returns a union."""
CHECKING_THIRD = (ANDROID_16, ANDROID_16_LATE)
"""Those whose third method is the checkService that returns a binder."""


def with_methods(count: int, candidates: Sequence[Dialect]) -> Dialect:
    """The candidate with this number of methods; for an unknown number, what all of them have in common."""
    for dialect in candidates:
        if len(dialect.methods) == count:
            return dialect
    rows = zip(*(dialect.methods for dialect in candidates), strict=False)
    common = tuple(row[0] for row in takewhile(lambda row: len(set(row)) == 1, rows))
    return Dialect(f"an unknown release, with {count} methods", candidates[-1].wire, common)


def read_found(dialect: Dialect, reply: ParcelReader, *, in_union: bool = False) -> Object | None:
    """The object in the answer to a lookup; None if there is none, or only an accessor.

    From Android 15 on the union may contain an accessor, for a service behind a socket. Raises RemoteError.
    """
    if not dialect.in_c:
        reply.check_exception()
    if in_union:
        reply.boolean()  # the union is present
        if reply.int32() == _ACCESSOR:
            return None
    if not reply.offsets:
        return None
    reply.position = reply.offsets[0]
    return reply.binder()


def read_name(reply: ParcelReader) -> str:
    """A name in an answer of the service manager in C: empty if it is longer than 109 characters.

    Of such names it sends only the length, as its reply has 224 bytes (bio_alloc in
    cmds/servicemanager/binder.c, Android 10), and AOSP's own clients read them as empty, too.
    """
    if reply.remaining == _LENGTH_ALONE:
        return ""
    return reply.string16() or ""
