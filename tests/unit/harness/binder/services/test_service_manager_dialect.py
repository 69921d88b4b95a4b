"""Which generation answers is found out without harm, whatever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.binder.errors import StatusError
from harness.binder.parcels.status import StatusCode
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.services.dialect import find_dialect
from harness.binder.services.wire import ANDROID_10, ANDROID_11, ANDROID_16, Dialect
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


def test_what_is_no_service_manager_is_named_so() -> None:
    class Deaf(FakeServiceManager):
        def transact(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise StatusError(StatusCode.PERMISSION_DENIED)

    with pytest.raises(HarnessError, match="not a service manager"):
        find_dialect(Deaf(ANDROID_10).binder, Deadline(5))
