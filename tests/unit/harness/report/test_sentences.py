from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.sentences import Common, clauses, common, lasting

WORDS = st.lists(st.sampled_from(["a", "mapping", "of", "bytes", "takes"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("process 448 of user 0", "process 431 of user 0"),
        ("they go to processes [156, 156]", "they go to processes [155, 155]"),
        ("from pid=690, uid=2000", "from pid=691, uid=2000"),
        ("the frames 0x67d5, 0x6199 hold 5,000 bytes", "the frames 0x1fe5, 0x16e4c hold 5,000 bytes"),
        ("not found 3 ms later", "not found 14.5 ms later"),
        ("are among the sender's 35, of which 3", "are among the sender's 36, of which 3"),
        ("in C: 128 bytes; on libbinder: 256", "on libbinder: 256; in C: 128 bytes"),
    ],
)
def test_what_one_device_says_differently_each_time_is_no_difference(first: str, second: str) -> None:
    assert clauses(first) == clauses(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1,040,384 bytes", "1,015,808 bytes"),
        ("told as process 0", "told as process 7"),
        ("of user 0", "of user 2000"),
        ("ptr 0x1000 and cookie 0xc00c1e", "ptr 0x1008 and cookie 0xc00c1e"),
        ("the frames 0x1, 0x2 hold it", "the frame 0x1 holds it"),
        ("2 processes", "3 processes"),
        ("2 millions", "3 millions"),
    ],
)
def test_figures_are_differences(first: str, second: str) -> None:
    assert clauses(first) != clauses(second)


def test_what_differs_is_told_once_and_the_rest_is_common() -> None:
    assert common(
        ["of 4,096 bytes, 4,096 and 1.5 are taken", "of 16,384 bytes, 16,384 and 1.5 are taken"], figures=1
    ) == Common("of … bytes, … and 1.5 are taken", (("4,096",), ("16,384",)))


def test_sentences_that_differ_in_more_than_figures_have_nothing_in_common() -> None:
    assert common(["2 pages came", "2 frames came"], figures=3) is None
    assert common(["EBUSY", "success, then EBUSY"], figures=3) is None
    assert common(["1 2 3", "4 5 6"], figures=2) is None
    assert common(["1 2 3", "4 5 6"], figures=3) is not None


@given(WORDS, st.lists(st.integers(0, 10**9), min_size=2, max_size=4, unique=True))
def test_figures_can_be_put_back(words: list[str], numbers: list[int]) -> None:
    pattern = " ".join([*words, "{:,}", *words])
    found = common([pattern.format(number) for number in numbers], figures=1)
    assert found is not None
    assert [found.sentence.replace("…", figure) for (figure,) in found.figures] == [
        pattern.format(number) for number in numbers
    ]


@given(st.text())
def test_equal_sentences_have_all_in_common(sentence: str) -> None:
    assert common([sentence, sentence], figures=0) == Common(sentence, ((), ()))
    assert lasting(lasting(sentence)) == lasting(sentence)
