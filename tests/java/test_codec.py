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
from harness.framework.java.process import WIRE, JavaProcess
from harness.framework.uri import Uri, read_uri, write_uri
from tests.support.framework_values import bundles, intents, texts, typed

EXAMPLES = settings(max_examples=150)
compared: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _report() -> Iterator[None]:
    yield
    print("\ncompared with AOSP's Java of Android 10, both ways:", dict(compared))


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


@EXAMPLES
@given(bundle=bundles)
def test_a_bundle(java: JavaProcess, bundle: dict[str, Value] | None) -> None:
    ordered: Bundle | None = in_java_s_order(bundle)
    parcel = Parcel(WIRE)
    write_bundle(parcel, ordered)

    assert java.write_bundle(bundle) == bytes(parcel.data)
    read, left = java.read_bundle(bytes(parcel.data))
    assert (typed(read), left) == (typed(ordered), 0)
    assert typed(read_bundle(ParcelReader(java.write_bundle(bundle), wire=WIRE))) == typed(ordered)
    compared["bundles"] += 1


@EXAMPLES
@given(intent=intents.map(possible))
def test_an_intent(java: JavaProcess, intent: Intent) -> None:
    parcel = Parcel(WIRE)
    write_intent(parcel, intent)

    written = java.write_intent(intent)
    assert written == bytes(parcel.data)
    assert java.read_intent(bytes(parcel.data)) == (intent, 0)
    assert read_intent(ParcelReader(written, wire=WIRE)) == intent
    compared["Intents"] += 1


@EXAMPLES
@given(uri=st.none() | st.builds(Uri, texts))
def test_a_uri(java: JavaProcess, uri: Uri | None) -> None:
    parcel = Parcel(WIRE)
    write_uri(parcel, uri)

    written = java.write_uri(uri)
    assert written == bytes(parcel.data)
    assert java.read_uri(bytes(parcel.data)) == (uri, 0)
    assert read_uri(ParcelReader(written, wire=WIRE)) == uri
    compared["URIs"] += 1
