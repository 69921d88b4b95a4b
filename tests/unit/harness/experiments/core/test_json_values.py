from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.core.json_values import Json, from_json, to_json


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Number(IntEnum):
    ONE = 1


@dataclass(frozen=True, slots=True)
class Inner:
    size: int
    ratio: float = 0.5


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    colour: Colour
    number: Number | None
    inner: Inner | None
    many: tuple[Inner, ...]
    words: frozenset[str]
    reasons: Mapping[str, str]
    anything: object = None


inner = st.builds(Inner, st.integers(), st.floats(allow_nan=False))
outer = st.builds(
    Outer,
    st.text(),
    st.sampled_from(Colour),
    st.none() | st.sampled_from(Number),
    st.none() | inner,
    st.lists(inner, max_size=3).map(tuple),
    st.frozensets(st.text()),
    st.dictionaries(st.text(), st.text()),
    st.none() | st.integers() | st.lists(st.text()),
)


@given(outer)
def test_what_went_to_json_comes_back(value: Outer) -> None:
    assert from_json(Outer, to_json(value)) == value


def test_forms() -> None:
    assert to_json((b"\x01\xff", PurePosixPath("/dev/binder"), {Number.ONE: range(2)})) == [
        "01ff",
        "/dev/binder",
        {"1": [0, 1]},
    ]


def test_what_json_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        to_json([object()])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], r"the document is a list"),
        ({"size": "1"}, r'the document\.size is "1", not a whole number$'),
        ({"size": True}, r"the document\.size is true, not a whole number$"),
        ({"size": None}, r"the document\.size is null, not a whole number$"),
        ({"size": [1]}, r"the document\.size is a list, not a whole number$"),
        ({"size": "1" * 99}, r'the document\.size is "1{59}…, not'),
        ({"size": 1, "ratio": {}}, r"the document\.ratio is an object, not a number$"),
        ({"ratio": 1.0}, r"the document lacks size$"),
        ({"size": 1, "shape": 2}, r"unknown fields: shape"),
    ],
)
def test_what_does_not_fit_is_named(value: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(Inner, value)


def test_the_place_of_a_misfit_is_named() -> None:
    good = to_json(Outer("", Colour.RED, None, None, (Inner(1),), frozenset(), {}))
    assert isinstance(good, dict)
    with pytest.raises(ValueError, match=r"document\.many\[0\]\.size"):
        from_json(Outer, good | {"many": [{"size": "x"}]})
    for name, kind in (("many", "a list"), ("words", "a list"), ("reasons", "an object"), ("name", "text")):
        with pytest.raises(ValueError, match=rf"^the document\.{name} is 7, not {kind}$"):
            from_json(Outer, good | {name: 7})
    with pytest.raises(ValueError, match=r"^the document lacks name, words$"):
        from_json(Outer, {name: value for name, value in good.items() if name not in ("name", "words")})
    with pytest.raises(ValueError, match=r'document\.colour is "green", not one of "red", "blue"'):
        from_json(Outer, good | {"colour": "green"})
