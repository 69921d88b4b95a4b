"""Which generation answers is found out without harm, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.binder.errors import StatusError
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import StatusCode
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.services.dialect import find_dialect, has_versioned_stability, holds_union
from harness.binder.services.service_manager import ServiceManager
from harness.binder.services.wire import (
    ANDROID_10,
    ANDROID_11,
    ANDROID_12,
    ANDROID_13,
    ANDROID_14,
    ANDROID_16,
    Dialect,
    Kind,
    read_found,
)
from tests.support.fake_service_manager import MANAGER, FakeServiceManager
from tests.unit.harness.binder.services.test_service_manager_wire import DIALECTS


@pytest.mark.parametrize("visible", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_release_is_recognised(dialect: Dialect, visible: bool) -> None:
    manager = FakeServiceManager(dialect)
    if not visible:
        manager.services.clear()
    before = dict(manager.services)
    assert find_dialect(manager.binder, Deadline(5)) is dialect
    assert manager.services == before
    looked_up = [method for method in manager.calls if method in ("checkService", "checkService2")]
    assert manager.released == [7] * len(looked_up) * (MANAGER in before)


@pytest.mark.parametrize(("dialect", "common"), [(ANDROID_11, 7), (ANDROID_16, 16)])
def test_of_a_release_with_more_methods_only_the_common_ones_are_taken(dialect: Dialect, common: int) -> None:
    vendors_own = replace(dialect, methods=(*dialect.methods, *(f"vendor{number}" for number in range(6))))
    found = find_dialect(FakeServiceManager(vendors_own).binder, Deadline(5))
    assert found.methods == dialect.methods[:common]
    assert found.wire is WireFormat.ANDROID_13


@pytest.mark.parametrize("kind", [Kind.VENDOR, Kind.RECOVERY])
@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if not dialect.in_c])
def test_a_service_manager_of_vendor_processes_or_of_recovery_is_used(dialect: Dialect, kind: Kind) -> None:
    fake = FakeServiceManager(dialect.of(kind))
    manager = ServiceManager(fake.binder)
    assert manager.dialect == dialect.of(kind)
    assert manager.dialect.name == f"{dialect.name}, for {kind.lower()} processes"
    manager.add("vendor.one", 3)
    assert (manager.check("vendor.one"), set(manager.list())) == (3, {MANAGER, "vendor.one"})


def test_hwservicemanager_is_explained() -> None:
    class Hidl(FakeServiceManager):
        def transact(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise StatusError(StatusCode.BAD_TYPE)

    with pytest.raises(HarnessError, match="hwservicemanager, which speaks HIDL"):
        find_dialect(Hidl(ANDROID_11).binder, Deadline(5))


def parcel(words: str) -> bytes:
    return b"".join(bytes.fromhex(word.zfill(8)) for word in words.split())


IN_UNION = "00000000 01000000 00000000 01000000 24000000 "


@pytest.mark.parametrize(
    ("dialect", "offset", "reply", "found"),
    [
        (ANDROID_12, 4, "0 852a6873 13010000 01000000 0 0 0 0100000c", 1),
        (ANDROID_12, 4, "0 852a6273 13010000 0 0 0 0 01000000", None),
        (ANDROID_13, 4, "0 852a6873 13010000 01000000 0 0 0 0c000000", 1),
        (ANDROID_13, 4, "0 852a6273 13000000 0 0 0 0 0", None),
        (ANDROID_14, 4, "0 852a6873 00010000 01000000 0 0 0 0c000000", 1),
        (ANDROID_14, 4, "0 852a6273 0 0 0 0 0 0", None),
        (ANDROID_16, 20, IN_UNION + "852a6873 00110000 01000000 0 0 0 0c000000 0", 1),
        (ANDROID_16, 20, IN_UNION + "852a6273 0 0 0 0 0 0 0", None),
    ],
)
def test_replies_of_real_service_managers(
    dialect: Dialect, offset: int, reply: str, found: int | None
) -> None:
    """Replies to a lookup of binaries of Android 12 to 16, as they came out of the driver."""
    in_union = dialect is ANDROID_16

    def answer() -> ParcelReader:
        return ParcelReader(parcel(reply), (offset,) if found else (), wire=dialect.wire)

    assert read_found(dialect, answer(), in_union=in_union) == found
    assert holds_union(answer().check_exception()) is in_union
    assert has_versioned_stability(answer()) is (dialect is ANDROID_12)


def test_what_is_no_service_manager_is_named_so() -> None:
    class Deaf(FakeServiceManager):
        def transact(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise StatusError(StatusCode.PERMISSION_DENIED)

    with pytest.raises(HarnessError, match="not a service manager"):
        find_dialect(Deaf(ANDROID_10).binder, Deadline(5))
