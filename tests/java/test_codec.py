"""Intents, bundles and URIs, by Python and by AOSP's classes: both write the same bytes, and read them.

Hypothesis makes the values. `make test-java` prints how many were compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.framework.bundle import Bundle, Value, read_bundle, write_bundle
from harness.framework.intent import USER_CURRENT, Intent, read_intent, write_intent
from harness.framework.java.agent import provenance
from harness.framework.java.process import JavaProcess
from harness.framework.layout import Layout
from harness.framework.uri import Uri, read_uri, write_uri
from tests.support.framework_values import bundles, intents, texts, typed

EXAMPLES = settings(max_examples=150)
compared: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _report(java: JavaProcess) -> Iterator[None]:
    compared.clear()
    yield
    print(f"\ncompared with {provenance(java.place.release)}, both ways:", dict(compared))


def java_hash(text: str) -> int:
    """String.hashCode()."""
    total = 0
    encoded = text.encode("utf-16-le")
    for unit in (int.from_bytes(encoded[at : at + 2], "little") for at in range(0, len(encoded), 2)):
        total = (31 * total + unit) & 0xFFFFFFFF
    return total - (total >> 31 << 32)


def in_java_s_order(value: Any) -> Any:
    """With every bundle's keys in the order of an ArrayMap: by hash, and as added where that is equal."""
    if isinstance(value, Mapping):
        return {key: in_java_s_order(value[key]) for key in sorted(value, key=java_hash)}
    return [in_java_s_order(each) for each in value] if isinstance(value, list) else value


def possible(intent: Intent) -> Intent:
    """As Intent's own methods can make it."""
    selector = intent.selector and possible(intent.selector)
    return replace(
        intent,
        package=None if selector else intent.package,  # setSelector refuses both
        selector=selector,
        categories=tuple(sorted(dict.fromkeys(intent.categories), key=java_hash)),  # an ArraySet
        extended_flags=0,
        content_user_hint=USER_CURRENT,
        extras=in_java_s_order(intent.extras),
    )


def in_8_bits(text: str | None) -> str | None:
    """Without what OpenJDK does not write as UTF-8 in JNI's strings of 8 bits: NUL, and what takes 4 bytes.

    ART writes 4 bytes as UTF-8 does (art/runtime/jni/jni_internal.cc, kUtfUse4ByteSequence).
    """
    return text and "".join(char if "\0" < char < "\U00010000" else "?" for char in text)


def with_strings_of(layout: Layout, intent: Intent) -> Intent:
    """The Intent, with other characters where its layout has 8 bits and OpenJDK would not write UTF-8."""
    if layout.utf16:
        return intent
    return replace(
        intent,
        action=in_8_bits(intent.action),
        data=intent.data and Uri(in_8_bits(intent.data.text) or ""),
        type=in_8_bits(intent.type),
        identifier=in_8_bits(intent.identifier),
        package=in_8_bits(intent.package),
        categories=tuple(dict.fromkeys(in_8_bits(each) or "" for each in intent.categories)),
        selector=intent.selector and with_strings_of(layout, intent.selector),
    )


@EXAMPLES
@given(bundle=bundles)
def test_a_bundle(java: JavaProcess, bundle: dict[str, Value] | None) -> None:
    ordered: Bundle | None = in_java_s_order(bundle)
    parcel = Parcel(java.layout.wire)
    write_bundle(parcel, ordered, layout=java.layout)

    assert java.write_bundle(bundle) == bytes(parcel.data)
    read, left = java.read_bundle(bytes(parcel.data))
    assert (typed(read), left) == (typed(ordered), 0)
    reader = ParcelReader(java.write_bundle(bundle), wire=java.layout.wire)
    assert typed(read_bundle(reader, layout=java.layout)) == typed(ordered)
    compared["bundles"] += 1


@EXAMPLES
@given(intent=intents)
def test_an_intent(java: JavaProcess, intent: Intent) -> None:
    intent = possible(with_strings_of(java.layout, intent))
    parcel = Parcel(java.layout.wire)
    write_intent(parcel, intent, layout=java.layout)

    written = java.write_intent(intent)
    assert written == bytes(parcel.data)
    assert java.read_intent(bytes(parcel.data)) == (intent, 0)
    assert read_intent(ParcelReader(written, wire=java.layout.wire), layout=java.layout) == intent
    compared["Intents"] += 1


@EXAMPLES
@given(uri=st.none() | st.builds(Uri, texts))
def test_a_uri(java: JavaProcess, uri: Uri | None) -> None:
    uri = uri if uri is None or java.layout.utf16 else Uri(in_8_bits(uri.text) or "")
    parcel = Parcel(java.layout.wire)
    write_uri(parcel, uri, layout=java.layout)

    written = java.write_uri(uri)
    assert written == bytes(parcel.data)
    assert java.read_uri(bytes(parcel.data)) == (uri, 0)
    assert read_uri(ParcelReader(written, wire=java.layout.wire), layout=java.layout) == uri
    compared["URIs"] += 1
