from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.binder.abi import objects
from harness.binder.abi.objects import Node
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdArrayObject,
    BufferFlag,
    FlatBinderObject,
    ObjectType,
)
from harness.binder.errors import ParcelError, RemoteError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import ExceptionCode
from harness.binder.parcels.wire_format import WireFormat

int32s = st.integers(-(2**31), 2**31 - 1)
int64s = st.integers(-(2**63), 2**63 - 1)
java_text = st.text(st.characters(exclude_categories=())).map(
    lambda text: text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
)
wires = st.sampled_from(list(WireFormat))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int32": int32s,
    "uint32": st.integers(0, 2**32 - 1),
    "int64": int64s,
    "uint64": st.integers(0, 2**64 - 1),
    "float32": st.floats(width=32, allow_nan=False),
    "float64": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "byte": st.integers(-128, 127),
    "char": st.characters(max_codepoint=0xFFFF, exclude_categories=()),
    "byte_array": st.none() | st.binary(),
    "int32_array": st.none() | st.lists(int32s),
    "int64_array": st.none() | st.lists(int64s),
    "string8": st.none() | st.text(),
    "string16": st.none() | java_text,
    "string16_array": st.none() | st.lists(st.none() | java_text),
    "node": st.builds(Node, st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1)),
    "handle": st.integers(0, 2**32 - 1),
    "file_descriptor": st.integers(0, 2**31 - 1),
    "parcel_file_descriptor": st.integers(0, 2**31 - 1),
}
values = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])), max_size=8
)


def written(contents: list[tuple[str, Any]], wire: WireFormat = WireFormat.ANDROID_13) -> Parcel:
    parcel = Parcel(wire)
    for name, value in contents:
        getattr(parcel, name)(value)
    return parcel


@given(values, wires)
def test_what_is_written_is_read(contents: list[tuple[str, Any]], wire: WireFormat) -> None:
    reader = ParcelReader.of(written(contents, wire))
    assert [(name, getattr(reader, name)()) for name, _ in contents] == contents
    assert reader.remaining == 0


@given(values, st.integers(1, 64))
def test_a_shortened_parcel_is_never_read_past_its_end(contents: list[tuple[str, Any]], cut: int) -> None:
    parcel = written(contents)
    shortened = parcel.data[:-cut]
    reader = ParcelReader(shortened, [offset for offset in parcel.offsets if offset < len(shortened)])
    if not contents:
        return

    def read_all() -> None:
        for name, _ in contents:
            getattr(reader, name)()

    with pytest.raises(ParcelError, match="expected"):
        read_all()
    assert 0 <= reader.position <= len(shortened)


@given(st.binary(max_size=64), st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
def test_arbitrary_bytes_give_values_or_parcel_errors(data: bytes, names: list[str]) -> None:
    reader = ParcelReader(data)
    for name in names:
        try:
            getattr(reader, name)()
        except ParcelError:
            return
        assert reader.position <= len(data)


@given(values)
def test_everything_is_aligned_to_four(contents: list[tuple[str, Any]]) -> None:
    parcel = written(contents)
    assert parcel.size == len(parcel.data)
    assert parcel.size % 4 == 0
    assert all(offset % 4 == 0 for offset in parcel.offsets)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda parcel: parcel.string16("hé"), "02000000" + "6800e900" + "00000000"),
        (lambda parcel: parcel.string16("abc"), "03000000" + "610062006300" + "0000"),
        (lambda parcel: parcel.string16(None), "ffffffff"),
        (lambda parcel: parcel.string16(""), "00000000" + "00000000"),
        (lambda parcel: parcel.string8("abc"), "03000000" + "61626300"),
        (lambda parcel: parcel.string8("abcd"), "04000000" + "6162636400000000"),
        (lambda parcel: parcel.byte_array(b"\1"), "01000000" + "01000000"),
        (lambda parcel: parcel.int64(-2), "feffffffffffffff"),
        (lambda parcel: parcel.boolean(True).byte(-1).char("A"), "01000000" + "ffffffff" + "41000000"),
        (lambda parcel: parcel.float64(1.0), "000000000000f03f"),
        (lambda parcel: parcel.string16_array(["", None]), "02000000" + "0000000000000000" + "ffffffff"),
    ],
)
def test_bytes_as_libbinder_writes_them(write: Callable[[Parcel], Parcel], expected: str) -> None:
    assert write(Parcel()).data.hex() == expected


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (WireFormat.ANDROID_9, "00004000"),
        (WireFormat.ANDROID_10, "00000080" + "ffffffff"),
        (WireFormat.ANDROID_11, "00000080" + "ffffffff" + "54535953"),
        (WireFormat.ANDROID_12, "00000080" + "ffffffff" + "54535953"),
        (WireFormat.ANDROID_13, "00000080" + "ffffffff" + "54535953"),
    ],
)
def test_interface_tokens_of_each_generation(wire: WireFormat, words: str) -> None:
    parcel = Parcel(wire).interface_token("a.B")
    assert parcel.data.hex() == words + "03000000" + "61002e0042000000"
    assert ParcelReader.of(parcel).interface_token() == "a.B"


def test_a_token_of_another_generation_is_refused() -> None:
    old = Parcel(WireFormat.ANDROID_10).interface_token("android.os.IServiceManager")
    with pytest.raises(ParcelError, match=r"at byte 8 of .*header word 0x53595354 of ANDROID_11"):
        ParcelReader(old.data, wire=WireFormat.ANDROID_11).interface_token()


@pytest.mark.parametrize(
    ("wire", "strong", "null"),
    [
        (WireFormat.ANDROID_10, "", ""),
        (WireFormat.ANDROID_11, "0c000000", "00000000"),
        (WireFormat.ANDROID_12, "0100000c", "01000000"),
        (WireFormat.ANDROID_13, "0c000000", "00000000"),
    ],
)
def test_stability_follows_a_binder_as_in_its_release(wire: WireFormat, strong: str, null: str) -> None:
    size = FlatBinderObject.sizeof()
    node = Parcel(wire).node(Node(0x10, 0x20))
    assert node.data[size:].hex() == strong
    assert node.data[:size].hex() == "852a6273" + "13010000" + "1000000000000000" + "2000000000000000"
    nothing = Parcel(wire).null_binder()
    assert nothing.data[size:].hex() == null
    assert nothing.offsets == ()
    assert ParcelReader.of(nothing).binder() is None


def test_objects_are_found_at_their_offsets_only() -> None:
    parcel = Parcel().int32(1).handle(7).int32(2).file_descriptor(5)
    assert parcel.offsets == (4, 36)
    assert objects.handles(parcel.data, parcel.offsets) == [7]
    unlisted = ParcelReader(Parcel().handle(7).data)
    with pytest.raises(
        ParcelError, match=r"at byte 0 of 28: expected a binder, and of objects there is none"
    ):
        unlisted.binder()


@pytest.mark.parametrize("offset", [1, 4, 12, 2**63])
def test_offsets_that_lead_nowhere_are_refused(offset: int) -> None:
    with pytest.raises(ParcelError, match="expected an object"):
        objects.handles(Parcel().handle(7).data[:28], [offset])


def test_a_handle_is_no_node_and_the_reader_stays_where_it_was() -> None:
    reader = ParcelReader.of(Parcel().handle(3))
    with pytest.raises(ParcelError, match="a node of this process, not 3"):
        reader.node()
    assert reader.handle() == 3


def test_weak_binders_carry_no_stability() -> None:
    parcel = Parcel().weak_handle(4).weak_node(Node(1, 2))
    kinds = [found.type for found in objects.all_objects(parcel.data, parcel.offsets)]  # type: ignore[attr-defined]
    assert kinds == [ObjectType.BINDER_TYPE_WEAK_HANDLE, ObjectType.BINDER_TYPE_WEAK_BINDER]
    assert parcel.size == 2 * FlatBinderObject.sizeof()
    with pytest.raises(ParcelError, match="a strong binder before this"):
        ParcelReader.of(parcel).binder()


@given(st.lists(st.binary(max_size=40), max_size=4), st.integers(0, 2**32).map(lambda page: page << 12))
def test_buffers_are_placed_behind_data_and_offsets(contents: list[bytes], address: int) -> None:
    parcel = Parcel().int32(1)
    for content in contents:
        parcel.buffer(content)
    placed = parcel.place(address)
    memory = placed.memory
    assert len(memory) == parcel.placed_size
    assert placed.offsets_size == 8 * len(contents)
    assert placed.buffers_size == sum(-(-len(content) // 8) * 8 for content in contents)
    start = placed.offsets - address
    assert struct.unpack_from(f"<{len(contents)}Q", memory, start) == parcel.offsets
    for offset, content in zip(parcel.offsets, contents, strict=True):
        found = BinderBufferObject.unpack(memory, offset)
        assert found.buffer % 8 == 0
        assert memory[found.buffer - address :][: found.length] == content


def test_a_buffer_names_its_parent_and_a_descriptor_array_its_buffer() -> None:
    parcel = Parcel().buffer(bytes(16)).buffer(b"child", parent=0, parent_offset=8)
    parcel.descriptor_array(2, parent=0, parent_offset=4)
    first, child, array = objects.all_objects(parcel.data, parcel.offsets)
    assert isinstance(first, BinderBufferObject)
    assert first.flags == BufferFlag(0)
    assert isinstance(child, BinderBufferObject)
    assert (child.flags, child.parent, child.parent_offset, child.length) == (BufferFlag(1), 0, 8, 5)
    assert array == BinderFdArrayObject(ObjectType.BINDER_TYPE_FDA, 0, num_fds=2, parent=0, parent_offset=4)


def test_a_buffer_is_read_from_what_was_fetched() -> None:
    placed = Parcel().buffer(b"beside").place(0x1000)
    reader = ParcelReader(placed.memory[: placed.data_size], [0], buffers={0x1000 + 48: b"beside"})
    assert reader.buffer() == b"beside"
    with pytest.raises(ParcelError, match="content was read"):
        ParcelReader(placed.memory[: placed.data_size], [0]).buffer()


@pytest.mark.parametrize(
    "thrown",
    [
        RemoteError(ExceptionCode.EX_SECURITY, "not you"),
        RemoteError(ExceptionCode.EX_SERVICE_SPECIFIC, "odd", service_specific=-7),
        RemoteError(ExceptionCode.EX_PARCELABLE, ""),
    ],
)
def test_a_thrown_exception_arrives(thrown: RemoteError) -> None:
    with pytest.raises(RemoteError, match=ExceptionCode(thrown.code).name) as caught:
        ParcelReader.of(Parcel().exception(thrown)).check_exception()
    assert (caught.value.code, caught.value.text) == (thrown.code, thrown.text)
    assert caught.value.service_specific == thrown.service_specific


def test_a_result_follows_its_header_and_a_strict_mode_header_is_skipped() -> None:
    assert ParcelReader.of(Parcel().no_exception().int32(5)).check_exception().int32() == 5
    header = Parcel().int32(ExceptionCode.EX_HAS_STRICTMODE_REPLY_HEADER).int32(12).int64(0).int32(5)
    assert ParcelReader.of(header).check_exception().int32() == 5


def test_a_remote_stack_trace_is_skipped() -> None:
    parcel = Parcel().int32(ExceptionCode.EX_SERVICE_SPECIFIC).string16("x").int32(12).int64(0).int32(9)
    with pytest.raises(RemoteError) as caught:
        ParcelReader.of(parcel).check_exception()
    assert caught.value.service_specific == 9


@pytest.mark.parametrize("size", [-1, 0x7FFFFFFF])
def test_a_header_that_lies_about_its_size_is_refused(size: int) -> None:
    lie = Parcel().int32(ExceptionCode.EX_HAS_STRICTMODE_REPLY_HEADER).int32(size)
    with pytest.raises(ParcelError, match="StrictMode's reply header"):
        ParcelReader.of(lie).check_exception()


@pytest.mark.parametrize("length", [-2, 1, 2**31 - 1])
def test_strings_with_a_wrong_length_or_no_end_are_refused(length: int) -> None:
    with pytest.raises(ParcelError, match="UTF-16 string"):
        ParcelReader(struct.pack("<iHH", length, 0x41, 0x42)).string16()


def test_numbers_out_of_range_are_refused() -> None:
    for write, value in (("int32", 2**31), ("uint32", -1), ("byte", 128), ("int64", 2**63)):
        with pytest.raises(struct.error):
            getattr(Parcel(), write)(value)


def test_a_float_keeps_its_32_bits() -> None:
    assert math.isclose(ParcelReader.of(Parcel().float32(0.1)).float32(), 0.1, rel_tol=1e-7)


def test_parcels_are_compared_and_joined_like_bytes() -> None:
    first, second = Parcel().int32(7), Parcel().string16("hi").handle(3)
    assert first == Parcel().int32(7)
    assert first != Parcel().uint32(8)
    assert first != Parcel(WireFormat.ANDROID_9).int32(7)
    assert first != bytes(first)
    joined = first + second
    assert joined == Parcel().int32(7).string16("hi").handle(3)
    assert bytes(joined) == first.data + second.data
    assert len(joined) == len(first) + len(second) == joined.size
    assert Parcel(), "an empty one is a parcel, not nothing"
    with pytest.raises(UsageError, match="A parcel of ANDROID_9 does not continue one of ANDROID_13"):
        _ = first + Parcel(WireFormat.ANDROID_9)
    with pytest.raises(TypeError):
        _ = first + b"data"  # type: ignore[operator]


def test_joined_parcels_keep_the_parents_of_their_buffers() -> None:
    """A parent is named by its index among the objects of the whole parcel."""
    inner = Parcel().int32(0).buffer(b"outer").buffer(b"inner", parent=0, parent_offset=8)
    joined = Parcel().handle(1) + inner + Parcel().buffer(b"alone")
    expected = Parcel().handle(1).int32(0).buffer(b"outer").buffer(b"inner", parent=1, parent_offset=8)
    assert joined == expected.buffer(b"alone")
    assert joined.place(0x1000) == expected.place(0x1000)


def test_a_parcel_shows_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    parcel = Parcel().interface_token("a.b").int32(-1).boolean(True) + Parcel().handle(3)
    parcel.show()
    assert capsys.readouterr().out.splitlines() == [
        "     0  interface_token  'a.b'",
        "    24  int32            -1",
        "    28  boolean          True",
        "    32  handle           3",
    ]
    reader = ParcelReader.of(parcel)
    assert reader.interface_token() == "a.b"
    reader.int32()
    reader.show()
    assert capsys.readouterr().out.splitlines() == [
        "     0  interface_token  'a.b'",
        "    24  int32            -1",
        "    28  32 bytes         01000000 852a6873 13010000 03000000 00000000 00000000 …",
    ]


def test_a_parcel_shows_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    Parcel().string16("\x1b[2J").byte_array(bytes(1000)).show()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "\x1b" not in lines[0]
    assert len(lines[1]) < 100


@given(st.binary(max_size=40))
def test_what_was_received_is_taken_for_bytes_as_a_parcel_is(data: bytes) -> None:
    reader = ParcelReader(data)
    assert (bytes(reader), len(reader), bool(reader)) == (data, len(data), True)
