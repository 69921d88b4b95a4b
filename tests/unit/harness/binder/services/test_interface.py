"""What an object in Python answers by itself, and what reaches its methods."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.abi import returns
from harness.binder.abi.structures import BinderFdObject, ObjectType
from harness.binder.endpoint import Binder
from harness.binder.errors import StatusError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import StatusCode
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.services.interface import BasicCode, Interface
from harness.binder.serving.call import Call
from tests.support.fake_driver import FakeProcess, received

DESCRIPTOR = "an.Interface"
OUTPUT = 9


def call_with(code: int, data: Parcel, process: FakeProcess | None = None) -> Call:
    process = process or FakeProcess()
    thread = Binder(process.file()).main
    fields: Any = received(process, data)
    return Call(thread, returns.Transaction(code=code, **fields))


def interface(**options: Any) -> Interface:
    options.setdefault("methods", lambda call: Parcel(call.wire).int32(call.data.int32() + call.code))
    return Interface(descriptor=DESCRIPTOR, **options)


def answer(of: Interface, call: Call) -> ParcelReader:
    reply = of(call)
    assert isinstance(reply, Parcel)
    return ParcelReader.of(reply)


@given(st.sampled_from(WireFormat), st.integers(1, 0xFFFFFF), st.integers(-(2**31), 2**30))
def test_methods_find_the_data_behind_the_token(wire: WireFormat, code: int, number: int) -> None:
    data = Parcel(wire).interface_token(DESCRIPTOR).int32(number)
    if number + code < 2**31:
        assert answer(interface(wire=wire), call_with(code, data)).int32() == number + code


@pytest.mark.parametrize(
    "data",
    [
        Parcel(),
        Parcel().interface_token("another.Interface"),
        Parcel(WireFormat.ANDROID_10).interface_token(DESCRIPTOR),
    ],
)
def test_a_call_for_another_interface_is_refused(data: Parcel) -> None:
    with pytest.raises(StatusError) as refused:
        interface()(call_with(1, data))
    assert refused.value.status == StatusCode.PERMISSION_DENIED


def test_what_every_object_answers() -> None:
    assert interface()(call_with(BasicCode.PING_TRANSACTION, Parcel())) is None
    named = answer(interface(), call_with(BasicCode.INTERFACE_TRANSACTION, Parcel()))
    assert named.string16() == DESCRIPTOR
    process = FakeProcess()
    replied = answer(interface(), call_with(BasicCode.DEBUG_PID_TRANSACTION, Parcel(), process))
    assert replied.int32() == process.pid


def test_codes_are_those_of_libbinder() -> None:
    assert int(BasicCode.PING_TRANSACTION) == 0x5F504E47
    assert int(BasicCode.INTERFACE_TRANSACTION) == 0x5F4E5446


class Output(FakeProcess):
    """A process whose writes take ten bytes at most, and are kept."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.written = b""
        self.closed: list[int | bytes] = []
        self.broken = broken

    def syscall(self, name: str, *arguments: int | bytes, **_: object) -> int:
        if name == "write":
            if self.broken:
                raise BrokenPipeError(32, "gone")
            descriptor, data, size = arguments
            assert descriptor == OUTPUT
            assert isinstance(data, bytes)
            assert len(data) == size
            self.written += data[:10]
            return min(len(data), 10)
        assert name == "close"
        self.closed.append(arguments[0])
        return 0


def dump_call(process: FakeProcess, *arguments: str) -> Call:
    data = Parcel().file_descriptor(OUTPUT).int32(len(arguments))
    for argument in arguments:
        data.string16(argument)
    return call_with(BasicCode.DUMP_TRANSACTION, data, process)


def test_a_dump_is_written_whole_and_its_file_closed() -> None:
    process = Output()
    dumped = interface(dump=lambda arguments: " ".join(("dump", "of", *arguments)))
    assert dumped(dump_call(process, "-a", "everything")) is None
    assert process.written == b"dump of -a everything"
    assert process.closed == [OUTPUT]


def test_what_has_no_dump_closes_the_file_too() -> None:
    process = Output()
    interface()(dump_call(process))
    assert (process.written, process.closed) == (b"", [OUTPUT])


def test_a_reader_that_went_away_is_no_fault_of_the_dump() -> None:
    process = Output(broken=True)
    with pytest.raises(StatusError) as failed:
        interface(dump=lambda _: "text")(dump_call(process))
    assert failed.value.status == StatusCode.DEAD_OBJECT
    assert process.closed == [OUTPUT]


@pytest.mark.parametrize("code", [0, 0x1000000, int.from_bytes(b"_CMD", "big")])
def test_unknown_codes_are_refused_and_their_files_closed(code: int) -> None:
    process = Output()
    data = Parcel().int32(1).object(BinderFdObject(ObjectType.BINDER_TYPE_FD, 0, 5)).file_descriptor(6)
    with pytest.raises(StatusError) as refused:
        interface()(call_with(code, data, process))
    assert refused.value.status == StatusCode.UNKNOWN_TRANSACTION
    assert process.closed == [5, 6]
