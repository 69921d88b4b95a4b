"""Probes: the catalogue is whole, and every answer has words."""

from __future__ import annotations

import errno
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import FacilityMissingError, HarnessError, TimeLimitError
from harness.binder.abi import returns
from harness.binder.errors import DeadObjectError
from harness.experiments.probes.bench import Bench, name_of, numberless, shown
from harness.experiments.probes.catalogue import MODULES, catalogue
from harness.experiments.probes.probe import PROBES, probe, text_of

BENCH = cast(Bench, None)


def test_the_catalogue_asks_many_questions_each_in_words() -> None:
    probes = catalogue()
    assert len(probes) >= 100
    assert len({each.id for each in probes}) == len(probes)
    assert [each.id for each in probes if not each.question.endswith("?")] == []
    assert {each.ask.__module__ for each in probes} == {module.__name__ for module in MODULES}


def test_an_id_is_taken_once() -> None:
    taken = next(iter(PROBES))
    with pytest.raises(ValueError, match=taken):
        probe(taken)(lambda _: None)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EINVAL, ""), "EINVAL"),
        (DeadObjectError(None), "BR_DEAD_REPLY"),
        (TimeLimitError("a reply: not within 10 s"), "no answer"),
        (HarnessError("odd"), "HarnessError: odd"),
    ],
)
def test_an_error_is_an_answer(error: Exception, text: str) -> None:
    def fail(_: Bench) -> object:
        raise error

    assert text_of(fail, BENCH) == text


def test_a_missing_facility_is_none() -> None:
    def fail(_: Bench) -> object:
        raise FacilityMissingError("needs tracefs")

    with pytest.raises(FacilityMissingError):
        text_of(fail, BENCH)


@pytest.mark.parametrize(
    ("result", "text"),
    [(None, "success"), (8, "8"), ([], "nothing"), ((1, 2), "1, 2"), ({"b", "a"}, "a, b"), (False, "False")],
)
def test_a_result_has_words(result: object, text: str) -> None:
    assert text_of(lambda _: result, BENCH) == text


def test_returns_are_shown_without_what_says_nothing() -> None:
    assert shown([returns.Noop(), returns.TransactionComplete()]) == "BR_TRANSACTION_COMPLETE"
    assert shown([returns.Noop()]) == "nothing"
    assert name_of(0x7211) == "BR_FAILED_REPLY"
    assert name_of(5) == "0x5"


@given(st.integers(0, 1 << 64), st.integers(0, 1 << 64))
def test_texts_that_differ_in_numbers_alone_compare_equal(one: int, other: int) -> None:
    lines = [f"node {number}: u{number:016x} c{number:#x}" for number in (one, other)]
    assert numberless(lines[0]) == numberless(lines[1])
