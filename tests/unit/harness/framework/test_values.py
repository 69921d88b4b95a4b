from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.binder.errors import ParcelError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.framework.bundle import (
    DEEPEST,
    Short,
    StringArray,
    Value,
    read_bundle,
    write_bundle,
)
from harness.framework.intent import (
    ComponentName,
    Intent,
    IntentFilter,
    read_intent,
    write_filter,
    write_intent,
)
from harness.framework.layout import ANDROID_14_BETA, LAYOUTS, OF_JAVA, Layout
from harness.framework.uri import PartForm, Uri, UriForm, read_uri, write_uri
from tests.support.framework_values import bundles, intents, texts, typed

layouts = st.sampled_from(list(LAYOUTS.values())) | st.builds(
    Layout,
    wire=st.just(WireFormat.ANDROID_13),
    values_have_lengths=st.just(True),
    extended_flags=st.booleans(),
    original_intent=st.booleans(),
    creator_token=st.booleans(),
    bundles_flag_intents=st.booleans(),
)


ANDROID_14_INTENT = bytes.fromhex(
    "25000000636f6d2e6578616d706c652e62726f6164636173742e4d595f4e4f54494649434154494f4e00000001000000"
    "1e000000636f6e74656e743a2f2f636f6d2e6578616d706c652f313f713d2532307800000a000000746578742f706c61"
    "696e0000ffffffff000000100b000000636f6d2e6578616d706c65000b00000063006f006d002e006500780061006d00"
    "70006c00650000001400000063006f006d002e006500780061006d0070006c0065002e00520065006300650069007600"
    "650072000000000000000000010000001f000000616e64726f69642e696e74656e742e63617465676f72792e44454641"
    "554c54000000000000000000feffffff30010000424e444c080000000600000061006e00730077006500720000000000"
    "010000002a00000006000000620075006e0064006c006500000000000300000024000000424e444c0100000004000000"
    "640065006500700000000000000000000200000065007200000000000300000062006900670000000600000000000000"
    "000100000300000079006500730000000900000001000000040000006400610074006100000000000000000011000000"
    "4e006f00740069006300650020006d0065002000730065006e007000610069002100000004000000680061006c006600"
    "0000000008000000000000000000e03f050000006200790074006500730000000d000000030000000102030005000000"
    "6e0061006d006500730000000e0000000300000001000000610000000100000062000000ffffffff00000000"
)


def without_extended(intent: Intent) -> Intent:
    """As an Intent arrives where there are no extended flags."""
    selector = intent.selector and without_extended(intent.selector)
    return replace(intent, extended_flags=0, selector=selector)


@given(bundles, layouts)
def test_a_bundle_is_read_as_it_was_written(bundle: dict[str, Value] | None, layout: Layout) -> None:
    parcel = Parcel(layout.wire)
    write_bundle(parcel, bundle, layout=layout)
    reader = ParcelReader.of(parcel.int32(77))
    assert typed(read_bundle(reader, layout=layout)) == typed(bundle)
    assert reader.int32() == 77


@given(intents, layouts)
def test_an_intent_is_read_as_it_was_written(intent: Intent, layout: Layout) -> None:
    parcel = Parcel(layout.wire)
    write_intent(parcel, intent, layout=layout)
    reader = ParcelReader.of(parcel.int32(77))
    assert read_intent(reader, layout=layout) == (
        intent if layout.extended_flags else without_extended(intent)
    )
    assert reader.int32() == 77


@given(intents, layouts, st.data())
def test_a_damaged_intent_is_an_error_or_another_intent(
    intent: Intent, layout: Layout, data: st.DataObject
) -> None:
    parcel = Parcel(layout.wire)
    write_intent(parcel, intent, layout=layout)
    damaged = bytearray(parcel.data[: data.draw(st.integers(0, parcel.size))])
    if damaged:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert isinstance(read_intent(ParcelReader(bytes(damaged), wire=layout.wire), layout=layout), Intent)
    except ParcelError:
        return


@given(st.binary(max_size=200), layouts)
def test_arbitrary_bytes_never_break_the_reader(data: bytes, layout: Layout) -> None:
    for read in (partial(read_intent, layout=layout), partial(read_bundle, layout=layout), read_uri):
        try:
            read(ParcelReader(data, wire=layout.wire))
        except ParcelError:
            continue


def test_the_bytes_of_the_document_s_bundle() -> None:
    parcel = Parcel(WireFormat.ANDROID_11)
    write_bundle(parcel, {"data": "Notice"})
    length, magic, count, name = parcel.data[:4], parcel.data[4:8], parcel.data[8:12], parcel.data[12:28]
    assert int.from_bytes(length, "little") == parcel.size - 8 == 44
    assert magic == b"BNDL"
    assert count == b"\1\0\0\0"
    assert name == b"\4\0\0\0d\0a\0t\0a\0\0\0\0\0"
    assert parcel.data[28:] == b"\0\0\0\0\6\0\0\0" + "Notice\0\0".encode("utf-16-le")


def test_a_list_is_preceded_by_its_length_from_13_on() -> None:
    sizes = []
    for wire in (WireFormat.ANDROID_12, WireFormat.ANDROID_13):
        parcel = Parcel(wire)
        write_bundle(parcel, {"list": [1]})
        sizes.append(parcel.size)
    assert sizes[1] == sizes[0] + 4


def test_an_empty_bundle_and_none_differ() -> None:
    parcel = Parcel()
    write_bundle(parcel, {})
    write_bundle(parcel, None)
    assert parcel.data == b"\0\0\0\0" + b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        ({"big": 2**31}, "wrap others in Long"),
        ({"big": Short(2**15)}, "does not fit"),
        ({"odd": object()}, "a bundle cannot contain a value of type object"),
    ],
)
def test_what_a_bundle_cannot_contain(bundle: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        write_bundle(Parcel(), bundle)


def test_a_bundle_that_is_nested_without_end() -> None:
    bundle: dict[str, Value] = {}
    for _ in range(DEEPEST + 2):
        bundle = {"deeper": bundle, "not": "empty"}
    parcel = Parcel()
    write_bundle(parcel, bundle)
    with pytest.raises(ParcelError, match="nested deeper"):
        read_bundle(ParcelReader.of(parcel))


def test_lists_nested_without_end() -> None:
    for layout in LAYOUTS.values():
        content = Parcel(layout.wire).int32(1).string16("a").raw(b"\x0b\0\0\0\1\0\0\0" * 20_000)
        parcel = Parcel(layout.wire).int32(content.size).uint32(0x4C444E42).raw(content.data)
        with pytest.raises(ParcelError):
            read_bundle(ParcelReader.of(parcel))


def test_types_that_are_not_read_are_named() -> None:
    content = Parcel(WireFormat.ANDROID_11).int32(1).string16("a").int32(4).string16("a.Parcelable")
    parcel = Parcel(WireFormat.ANDROID_11).int32(content.size).uint32(0x4C444E42).raw(content.data)
    with pytest.raises(ParcelError, match="VAL_PARCELABLE"):
        read_bundle(ParcelReader.of(parcel))


def test_the_start_of_an_intent_of_android_11() -> None:
    parcel = Parcel(WireFormat.ANDROID_11)
    write_intent(parcel, Intent(action="a", package="b"))
    reader = ParcelReader.of(parcel)
    assert (reader.string8(), reader.int32()) == ("a", 0)
    assert (reader.string8(), reader.string8(), reader.int32(), reader.string8()) == (None, None, 0, "b")
    assert reader.string16() is None
    assert [reader.int32() for _ in range(6)] == [0, 0, 0, 0, -2, -1]
    assert reader.remaining == 0


WHOLE = Layout(
    wire=WireFormat.ANDROID_13,
    values_have_lengths=True,
    extended_flags=True,
    original_intent=True,
    creator_token=True,
    bundles_flag_intents=True,
)


def test_the_bytes_that_android_16_adds() -> None:
    parcel = Parcel(WHOLE.wire)
    write_intent(parcel, Intent(action="a", flags=1, extended_flags=2, extras={"k": True}), layout=WHOLE)
    reader = ParcelReader.of(parcel)
    assert [reader.string8(), reader.int32(), reader.string8(), reader.string8()] == ["a", 0, None, None]
    assert [reader.uint32() for _ in range(2)] == [1, 2]
    assert (reader.string8(), reader.string16()) == (None, None)
    assert [reader.int32() for _ in range(5)] == [0, 0, 0, 0, -2]
    length, magic = reader.int32(), reader.raw(4)
    reader.raw(length)
    assert magic == b"BNDL"
    assert [reader.int32() for _ in range(3)] == [0, 0, 0], "no Intent in the bundle, no original, no token"
    assert reader.remaining == 0


def test_an_original_intent_is_skipped_and_a_creator_token_is_refused() -> None:
    parcel = Parcel(WHOLE.wire)
    write_intent(parcel, Intent(action="a"), layout=WHOLE)
    start = parcel.data[:-8]
    with_original = Parcel(WHOLE.wire).raw(start).int32(1).raw(parcel.data).int32(0)
    assert read_intent(ParcelReader.of(with_original), layout=WHOLE) == Intent(action="a")
    with_token = Parcel(WHOLE.wire).raw(start).int32(0).int32(1)
    with pytest.raises(ParcelError, match="creator token"):
        read_intent(ParcelReader.of(with_token), layout=WHOLE)


def test_clip_data_is_refused_by_name() -> None:
    parcel = Parcel()
    write_intent(parcel, Intent(action="a"))
    data = bytearray(parcel.data)
    data[-12] = 1
    with pytest.raises(ParcelError, match="clip data"):
        read_intent(ParcelReader(bytes(data)))


def test_releases_before_10_are_refused() -> None:
    with pytest.raises(UsageError, match="Android 10 and later"):
        write_intent(Parcel(WireFormat.ANDROID_9), Intent())


def test_the_bytes_that_android_10_wrote() -> None:
    """By its own Intent.writeToParcel; strings are in UTF-16."""
    written = bytes.fromhex(
        "010000007800000000000000ffffffffffffffff00000000ffffffffffffffff00000000000000000000000000000000"
        "feffffff28000000424e444c020000000100000061000000010000000100000001000000620000000000000001000000"
        "78000000"
    )
    intent = Intent(action="x", extras={"a": 1, "b": "x"})

    assert read_intent(ParcelReader(written, wire=WireFormat.ANDROID_10)) == intent
    parcel = Parcel(WireFormat.ANDROID_10)
    write_intent(parcel, intent)
    assert bytes(parcel.data) == written


def test_the_bytes_that_android_14_wrote() -> None:
    """By the Intent.writeToParcel of 14~beta1: a word for an original Intent, and no second word of flags."""
    layout = Layout.of_fields(frozenset({"mOriginalIntent"}), frozenset())
    reader = ParcelReader(ANDROID_14_INTENT, wire=layout.wire)

    intent = read_intent(reader, layout=layout)

    assert reader.remaining == 0
    assert (intent.action, intent.flags) == ("com.example.broadcast.MY_NOTIFICATION", 0x10000000)
    assert intent.extras is not None
    assert intent.extras["names"] == StringArray(("a", "b", None))
    parcel = Parcel(layout.wire)
    write_intent(parcel, intent, layout=layout)
    assert bytes(parcel.data) == ANDROID_14_INTENT


@given(st.none() | st.builds(Uri, texts))
def test_a_uri_is_read_as_it_was_written(uri: Uri | None) -> None:
    parcel = Parcel()
    write_uri(parcel, uri)
    assert read_uri(ParcelReader.of(parcel)) == uri


def test_a_uri_in_parts() -> None:
    parcel = Parcel().int32(UriForm.HIERARCHICAL).string8("content")
    parcel.int32(PartForm.ENCODED).string8("an.authority")
    parcel.int32(PartForm.DECODED).string8("/a b/c")
    parcel.int32(PartForm.BOTH).string8("q=%20").string8("q= ")
    parcel.int32(PartForm.BOTH).string8(None).string8(None)
    assert str(read_uri(ParcelReader.of(parcel))) == "content://an.authority/a%20b/c?q=%20"


def test_an_opaque_uri() -> None:
    parcel = Parcel().int32(UriForm.OPAQUE).string8("mailto")
    parcel.int32(PartForm.DECODED).string8("a@b").int32(PartForm.ENCODED).string8("end")
    assert str(read_uri(ParcelReader.of(parcel))) == "mailto:a%40b#end"


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("com.example/.Receiver", ComponentName("com.example", "com.example.Receiver")),
        ("com.example/other.Receiver", ComponentName("com.example", "other.Receiver")),
    ],
)
def test_a_component_as_text(text: str, component: ComponentName) -> None:
    assert ComponentName.parse(text) == component
    assert str(component) == text


@pytest.mark.parametrize("text", ["", "com.example", "/x", "x/"])
def test_an_invalid_component(text: str) -> None:
    with pytest.raises(UsageError, match="PACKAGE/CLASS"):
        ComponentName.parse(text)


def test_a_filter_for_one_action() -> None:
    parcel = Parcel(WireFormat.ANDROID_11)
    write_filter(parcel, IntentFilter(actions=("a.b",), priority=5))
    reader = ParcelReader.of(parcel)
    assert reader.string16_array() == ["a.b"]
    assert [reader.int32() for _ in range(14)] == [0] * 8 + [5] + [0] * 5
    assert reader.remaining == 0


def test_an_intent_in_words() -> None:
    intent = Intent(action="a", component=ComponentName("p", "p.C"), extras={"k": 1})
    assert str(intent) == "Intent { act=a cmp=p/.C (has extras) }"


@pytest.mark.parametrize(("release", "known"), [(10, 10), (12, 12), (14, 14), (16, 14)])
def test_java_of_an_unknown_release_has_the_layout_of_the_last_one_before(release: int, known: int) -> None:
    assert Layout.of_java(release) == OF_JAVA[known]


def test_the_beta_of_android_14_has_what_its_classes_have() -> None:
    assert Layout.of_fields(frozenset({"mOriginalIntent"}), frozenset()) == ANDROID_14_BETA
