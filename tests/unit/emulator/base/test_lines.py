from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.lines import LONGEST_LINE, LineSplitter, last_lines, without_long_numbers

PIECES = st.lists(st.one_of(st.just(b"\n"), st.binary(max_size=5), st.text(max_size=3).map(str.encode)))


def split_lines(chunks: Iterable[bytes]) -> list[str]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.finish()


@given(PIECES)
def test_lines_do_not_depend_on_the_chunks_they_come_in(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    expected = data.decode(errors="replace").split("\n")
    if not expected[-1]:
        expected.pop()
    assert split_lines(pieces) == expected
    assert split_lines(data[index : index + 1] for index in range(len(data))) == expected


@given(PIECES)
def test_a_line_is_given_with_the_chunk_that_completes_it(pieces: list[bytes]) -> None:
    splitter = LineSplitter()
    for piece in pieces:
        assert len(splitter.feed(piece)) == piece.count(b"\n")
    assert len(splitter.finish()) <= 1
    assert splitter.finish() == []


def test_only_a_newline_ends_a_line_and_a_character_may_come_in_two_chunks() -> None:
    assert split_lines([b"a\rb\x0bc\xc3", b"\xbc\n\n\xff"]) == ["a\rb\x0bc\xfc", "", "\ufffd"]


@given(st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=9), st.integers(1, 9))
def test_the_last_lines_are_those_of_the_text(lines: list[str], count: int) -> None:
    assert last_lines("\n".join(itertools.chain(lines, ["", " "])), count) == "\n".join(lines[-count:])


def test_a_line_without_an_end_comes_in_pieces() -> None:
    splitter = LineSplitter()
    lines = [line for _ in range(100) for line in splitter.feed(b"x" * 10_000)]
    assert {len(line) for line in lines} == {LONGEST_LINE}
    assert splitter.feed(b"y\nz") == ["x" * (1_000_000 % LONGEST_LINE) + "y"]
    assert splitter.finish() == ["z"]
    assert len("".join(lines)) == 1_000_000 - 1_000_000 % LONGEST_LINE


def test_a_long_line_in_one_chunk_comes_in_the_same_pieces() -> None:
    long = b"x" * (2 * LONGEST_LINE + 5)
    assert list(map(len, LineSplitter().feed(long + b"\n"))) == [LONGEST_LINE, LONGEST_LINE, 5]


@pytest.mark.parametrize("digit", ["7", "f", "F"])
def test_what_is_left_of_a_long_number_can_be_read_and_printed(digit: str) -> None:
    short = without_long_numbers(f"pid {digit * 5000} name")
    assert short == f"pid {digit * 1000}… name"
    assert str(int(digit * 1000, 16))


def test_numbers_of_any_use_stay_whole() -> None:
    text = f"{1 << 64} ffffffffffffffff /dev/{'0' * 255}"
    assert without_long_numbers(text) == text
