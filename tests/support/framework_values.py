"""Hypothesis makes Intents and bundles, with everything that they can contain here."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from harness.framework.bundle import (
    BooleanArray,
    Byte,
    Float,
    IntArray,
    Long,
    LongArray,
    Short,
    StringArray,
)
from harness.framework.intent import ComponentName, Intent, Rect
from harness.framework.uri import Uri

int32s = st.integers(-(2**31), 2**31 - 1)
int64s = st.integers(-(2**63), 2**63 - 1)
texts = st.text(max_size=8)
scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    texts,
    st.booleans(),
    int32s,
    int64s.map(Long),
    st.integers(-(2**15), 2**15 - 1).map(Short),
    st.integers(-128, 127).map(Byte),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Float),
    st.binary(max_size=8),
    st.lists(st.none() | texts, max_size=3).map(StringArray),
    st.lists(int32s, max_size=3).map(IntArray),
    st.lists(int64s, max_size=3).map(LongArray),
    st.lists(st.booleans(), max_size=3).map(BooleanArray),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bundles = st.none() | st.dictionaries(texts, values, max_size=4)
components = st.builds(ComponentName, texts, texts)
plain_intents = st.builds(
    Intent,
    action=st.none() | texts,
    data=st.none() | st.builds(Uri, texts),
    type=st.none() | texts,
    identifier=st.none() | texts,
    flags=st.integers(0, 2**32 - 1),
    extended_flags=st.integers(0, 2**32 - 1),
    package=st.none() | texts,
    component=st.none() | components,
    source_bounds=st.none() | st.builds(Rect, int32s, int32s, int32s, int32s),
    categories=st.lists(texts, max_size=3).map(tuple),
    content_user_hint=int32s,
    extras=bundles,
)
intents = st.builds(
    lambda outer, selector: Intent(
        **{name: getattr(outer, name) for name in Intent.__dataclass_fields__} | {"selector": selector}
    ),
    plain_intents,
    st.none() | plain_intents,
)


def typed(value: Any) -> Any:
    """A value with the types of everything in it, because 5 equals Long(5)."""
    if isinstance(value, dict):
        return {key: typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    return type(value), value
