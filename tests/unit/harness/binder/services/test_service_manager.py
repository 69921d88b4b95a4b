"""The client, against every generation's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, TimeLimitError, UsageError
from harness.binder.abi.objects import Node
from harness.binder.errors import RemoteError, StatusError
from harness.binder.parcels.status import ExceptionCode
from harness.binder.services.service_manager import ServiceManager
from harness.binder.services.wire import (
    ANDROID_10,
    ANDROID_11,
    ANDROID_15_LATE,
    Dialect,
    DumpPriority,
)
from tests.support.fake_service_manager import MANAGER, FakeServiceManager
from tests.unit.harness.binder.services.test_service_manager_wire import DIALECTS, handles

names = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=100).filter(
    lambda name: name != MANAGER
)


@given(st.sampled_from(DIALECTS), names, st.one_of(handles, st.just(Node(0x1000, 1))))
def test_what_is_added_is_found_and_listed(dialect: Dialect, name: str, service: Node | int) -> None:
    manager = ServiceManager(FakeServiceManager(dialect).binder)
    assert (manager.check(name), manager.get(name)) == (None, None)
    manager.add(name, service, dump_priority=DumpPriority.HIGH)
    assert (manager.check(name), manager.get(name), manager.wait_for(name, Deadline(5))) == (service,) * 3
    assert set(manager.list()) - {MANAGER} == {name}
    assert manager.list(DumpPriority.HIGH) == (name,)
    assert name not in manager.list(DumpPriority.CRITICAL)


def test_the_dialect_is_asked_for_once() -> None:
    fake = FakeServiceManager(ANDROID_11)
    manager = ServiceManager(fake.binder)
    assert repr(manager) == "<ServiceManager of a generation not yet determined>"
    assert fake.calls == []
    manager.check("one")
    assert repr(manager) == f"<ServiceManager of {ANDROID_11.name}>"
    asked = len(fake.calls)
    manager.check("two")
    assert fake.calls[asked:] == ["checkService"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refusal_is_an_exception(dialect: Dialect) -> None:
    fake = FakeServiceManager(dialect)
    manager = ServiceManager(fake.binder)
    assert manager.dialect is dialect
    fake.refusal = ExceptionCode.EX_SECURITY
    with pytest.raises((RemoteError, StatusError)) as refused:
        manager.add("name", 3)
    if dialect.in_c:
        assert isinstance(refused.value, StatusError)
        assert refused.value.status == -1
        assert manager.list() == ()
    else:
        assert isinstance(refused.value, RemoteError)
        assert refused.value.code == ExceptionCode.EX_SECURITY
        with pytest.raises(RemoteError):
            manager.list()


def test_waiting_ends_at_the_deadline() -> None:
    with pytest.raises(TimeLimitError, match="a service named never"):
        ServiceManager(FakeServiceManager(ANDROID_11).binder).wait_for("never", Deadline(0.05))


def test_an_accessor_is_not_found_and_not_kept() -> None:
    fake = FakeServiceManager(ANDROID_15_LATE)
    fake.services["remote"] = 9
    fake.accessors.add("remote")
    manager = ServiceManager(fake.binder)
    assert manager.check("remote") is None
    assert 9 in fake.released


def test_the_service_manager_in_c_omits_long_names() -> None:
    fake = FakeServiceManager(ANDROID_10)
    manager = ServiceManager(fake.binder)
    manager.add("x" * 109, 1)
    manager.add("y" * 110, 2)
    assert manager.list() == ("", "x" * 109)


def test_what_a_generation_lacks() -> None:
    with pytest.raises(FacilityMissingError, match="Android 10 has no isDeclared"):
        ServiceManager(FakeServiceManager(ANDROID_10).binder).is_declared("any")
    manager = ServiceManager(FakeServiceManager(ANDROID_11).binder)
    assert (manager.is_declared("declared"), manager.is_declared("any")) == (True, False)


def test_callbacks_want_a_binder_that_serves() -> None:
    manager = ServiceManager(FakeServiceManager(ANDROID_11).binder)
    with pytest.raises(UsageError, match="call `serve` first"):
        manager.register_for_notifications("name", lambda *_: None)
