from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.core.figure import Figure, fill, label, names_in, shown
from harness.experiments.core.finding import Finding, Verdict

names = st.from_regex(r"[a-z][a-z0-9_]{0,5}(\.[a-z0-9_]{1,5})?", fullmatch=True)
words = st.text(st.characters(exclude_characters="{}", codec="utf-8"), max_size=12)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "bytes", "none"),
        (2000, "", "2000"),
        ({"a": [2000, 1]}, "pages", "a: (2,000, 1) pages"),
        ([], "", "none"),
        ({}, "", "none"),
        (True, "", "yes"),
        (1040384, "bytes", "1,040,384 bytes"),
        (1, "bytes", "1 byte"),
        (1, "copies", "1 copy"),
        (1, "pages of 4 KiB", "1 page of 4 KiB"),
        (1, "ms", "1 ms"),
        (0, "pages", "0 pages"),
        (0.5, "ms", "0.5 ms"),
        ("EBUSY", "", "EBUSY"),
        ([100, 10000, 200000], "bytes", "100, 10,000 and 200,000 bytes"),
        ([1], "bytes", "1 byte"),
        (["a", "b"], "", "a and b"),
        ({"pipe": 1, "socket": ["x", 2]}, "", "pipe: 1, socket: (x, 2)"),
        ([[10, 122], [10, 123]], "", "(10, 122) and (10, 123)"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value: object, unit: str, text: str) -> None:
    assert shown(value, unit) == text
    assert str(Figure(value, "somewhere", unit=unit)) == text


def test_values_are_kept_as_json() -> None:
    figure = Figure(("rd", b"\x10", Verdict.LOST), "/proc/PID/smaps", expected=["rd", "10", "lost"])
    assert figure.value == ["rd", "10", "lost"]
    assert figure.as_expected
    assert not Figure(1, "mmap", expected=2).as_expected
    assert Figure(1, "mmap").as_expected


def test_names_are_read_as_words() -> None:
    assert label("largest_call") == "largest call"
    assert label("bytes_mapped.on_libbinder") == "bytes mapped (on libbinder)"


@given(st.lists(st.tuples(words, names), max_size=4), words)
def test_a_sentence_holds_its_figures_in_order(parts: list[tuple[str, str]], end: str) -> None:
    template = "".join(f"{text}{{{name}}}" for text, name in parts) + end
    assert list(names_in(template)) == [name for _, name in parts]
    texts = {name: f"<{name}>" for _, name in parts}
    assert fill(template, texts) == "".join(f"{text}<{name}>" for text, name in parts) + end


def test_a_sentence_that_names_no_figure_of_its_own_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="second"):
        Finding.whether(True, "first {first}, then {second}", first=Figure(1, "mmap"))


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ([True, True], Verdict.CONFIRMED),
        ([True, False], Verdict.CONDITIONAL),
        ([False], Verdict.REFUTED),
    ],
)
def test_what_holds_in_some_cases_is_conditional(cases: list[bool], verdict: Verdict) -> None:
    assert Finding.in_cases(cases, "").verdict is verdict
