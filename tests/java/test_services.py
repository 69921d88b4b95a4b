"""AOSP's ServiceManager, Binder and Parcel in Java, and services and calls of Python's."""

from __future__ import annotations

import os

import pytest

from harness.binder import Binder, Call, Parcel, ServiceManager
from harness.binder.errors import RemoteError, StatusError
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.device.device import Device
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java

INTERFACE = "com.example.IEcho"
MAPPED = 1048576 - 8192
"""What ProcessState maps: 1 MiB without two pages."""
EXCEPTIONS = {
    "SecurityException": ExceptionCode.EX_SECURITY,
    "BadParcelableException": ExceptionCode.EX_BAD_PARCELABLE,
    "IllegalArgumentException": ExceptionCode.EX_ILLEGAL_ARGUMENT,
    "NullPointerException": ExceptionCode.EX_NULL_POINTER,
    "IllegalStateException": ExceptionCode.EX_ILLEGAL_STATE,
    "UnsupportedOperationException": ExceptionCode.EX_UNSUPPORTED_OPERATION,
    "ServiceSpecificException": ExceptionCode.EX_SERVICE_SPECIFIC,
}
"""What Parcel.writeException has a number for."""


def test_the_process_maps_the_driver_as_aosp_s_libbinder_does(device: Device, java: JavaProcess) -> None:
    mappings = [
        line
        for line in device.files.read_text(f"/proc/{java.pid}/maps").splitlines()
        if "/dev/binder" in line
    ]

    (mapping,) = mappings
    start, end = (int(address, 16) for address in mapping.split()[0].split("-"))
    assert end - start == MAPPED


def test_a_service_in_java_answers_python(device: Device, java: JavaProcess) -> None:
    java.add_service("java.echo", INTERFACE, {1: {"echo": True}, 2: {"callers": True}})

    assert "java.echo" in java.list_services()
    with device.process() as process, Binder.open(process) as binder:
        handle = ServiceManager(binder).check("java.echo")
        assert isinstance(handle, int)
        data = Parcel(java.layout.wire).interface_token(INTERFACE).string16("said")
        assert binder.transact(handle, 1, data).check_exception().string16() == "said"
        token = Parcel(java.layout.wire).interface_token(INTERFACE)
        callers = binder.transact(handle, 2, token).check_exception()
        assert (callers.int32(), callers.int32()) == (process.pid, 0)


def test_a_descriptor_from_python_is_read_and_closed_by_java(device: Device, java: JavaProcess) -> None:
    java.add_service("java.descriptor", INTERFACE, {1: {"descriptor": True}})
    opened = f"/proc/{java.pid}/fd"
    before = set(device.files.list_directory(opened))

    with device.process() as process, Binder.open(process) as binder:
        handle = ServiceManager(binder).check("java.descriptor")
        assert isinstance(handle, int)
        file = process.syscall("memfd_create", b"given", 0)
        process.syscall("write", file, b"from Python", len(b"from Python"))
        process.syscall("lseek", file, 0, os.SEEK_SET)
        data = Parcel(java.layout.wire).interface_token(INTERFACE).file_descriptor(file)
        reply = binder.transact(handle, 1, data).check_exception()
        number = reply.int32()
        assert str(number) not in before
        assert reply.byte_array() == b"from Python"
    assert str(number) not in device.files.list_directory(opened)


@pytest.mark.parametrize(("name", "code"), EXCEPTIONS.items())
def test_an_exception_in_java_is_one_in_python(
    device: Device, java: JavaProcess, name: str, code: ExceptionCode
) -> None:
    java.add_service("java.throws", INTERFACE, {1: {"throws": name, "message": "not for you"}})

    with device.process() as process, Binder.open(process) as binder:
        handle = ServiceManager(binder).check("java.throws")
        assert isinstance(handle, int)
        reply = binder.transact(handle, 1, Parcel(java.layout.wire).interface_token(INTERFACE))
        with pytest.raises(RemoteError) as caught:
            reply.check_exception()

    assert caught.value.code == code
    assert caught.value.text == "not for you"


@pytest.mark.parametrize(("name", "code"), EXCEPTIONS.items())
def test_an_exception_in_python_is_one_in_java(
    device: Device, java: JavaProcess, name: str, code: ExceptionCode
) -> None:
    def refuse(_: Call) -> Parcel:
        raise RemoteError(code, "not for you", service_specific=7)

    with device.service("python.throws", refuse, interface=INTERFACE):
        (binder,) = java.get_service("python.throws")
        assert binder is not None
        with pytest.raises(JavaError, match="not for you") as caught:
            java.transact(binder, 1, INTERFACE)

    assert caught.value.name == name
    assert any("android.os.Parcel.readException" in frame for frame in caught.value.stack)


@pytest.mark.parametrize("name", [*EXCEPTIONS, "ParcelableException", "NetworkOnMainThreadException"])
def test_an_exception_in_java_is_the_same_in_java(device: Device, java: JavaProcess, name: str) -> None:
    java.add_service("java.throws", INTERFACE, {1: {"throws": name, "message": "not for you"}})

    with open_java(device) as caller:
        (binder,) = caller.get_service("java.throws")
        assert binder is not None
        with pytest.raises(JavaError) as caught:
            caller.transact(binder, 1, INTERFACE)

    assert caught.value.name == name
    assert name == "NetworkOnMainThreadException" or "not for you" in str(caught.value)


def test_what_no_reply_can_hold_is_an_unknown_code_to_its_caller_and_nothing_in_java(
    device: Device, java: JavaProcess
) -> None:
    """Parcel.writeException throws it again, and JavaBBinder::onTransact returns UNKNOWN_TRANSACTION.

    BinderProxy.transact returns false for that, and an empty reply has no exception (Android 10).
    """
    java.add_service("java.throws", INTERFACE, {1: {"throws": "ArithmeticException", "message": "x"}})

    with device.process() as process, Binder.open(process) as binder:
        handle = ServiceManager(binder).check("java.throws")
        assert isinstance(handle, int)
        with pytest.raises(StatusError) as caught:
            binder.transact(handle, 1, Parcel(java.layout.wire).interface_token(INTERFACE))
    with open_java(device) as caller:
        (proxy,) = caller.get_service("java.throws")
        assert proxy is not None
        reply = caller.transact(proxy, 1, INTERFACE)

    assert caught.value.status == StatusCode.UNKNOWN_TRANSACTION
    assert reply.remaining == 0


def test_java_calls_a_service_in_python(device: Device, java: JavaProcess) -> None:
    def handle(call: Call) -> Parcel:
        return Parcel(call.wire).no_exception().int32(call.data.int32() + 1)

    with device.service("python.adds", handle, interface=INTERFACE):
        (binder,) = java.get_service("python.adds")
        assert binder is not None
        assert java.transact(binder, 1, INTERFACE, data=Parcel(java.layout.wire).int32(41)).int32() == 42

    (call,) = java.last_calls
    assert call.code == 1
    assert call.stack[0].startswith("android.os.BinderProxy.transact(BinderProxy.java:")


def test_a_missing_service_is_null(java: JavaProcess) -> None:
    assert java.check_service("com.example.missing") is None


def test_an_unknown_command_and_a_wrong_argument_are_java_s_exceptions(java: JavaProcess) -> None:
    with pytest.raises(JavaError, match="There is no command dance"):
        java.agent.ask("dance")
    with pytest.raises(JavaError, match="JSONException"):
        java.agent.ask("check")

    assert java.list_services() is not None


def test_another_user_s_calls_are_that_user_s(device: Device, java: JavaProcess) -> None:
    java.add_service("java.callers", INTERFACE, {1: {"callers": True}})

    with open_java(device, uid=2000) as shell:
        (binder,) = shell.get_service("java.callers")
        assert binder is not None
        reply = shell.transact(binder, 1, INTERFACE)

    assert (reply.int32(), reply.int32()) == (shell.pid, 2000)
