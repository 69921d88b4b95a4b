from __future__ import annotations

import socket

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError


def test_a_condition_is_asked_until_it_answers() -> None:
    answers = iter([None, 0, "", "found"])
    assert Deadline(20).poll(lambda: next(answers), "an answer", interval=0.001) == "found"


def test_a_condition_that_never_answers_ends_at_the_deadline_naming_what_was_awaited() -> None:
    with pytest.raises(TimeLimitError, match=r"the door: not within 0\.02 s"):
        Deadline(0.02).poll(lambda: None, "the door", interval=0.001)


def test_a_condition_is_asked_once_even_when_no_time_is_left() -> None:
    assert Deadline(0).poll(lambda: "there", "it") == "there"


def test_the_sooner_of_two_deadlines_counts() -> None:
    assert Deadline(100).within(0).expired
    assert Deadline(0).within(100).expired
    assert not Deadline(100).within(50).expired


def test_running_out_is_a_timeout_for_those_who_catch_that() -> None:
    with pytest.raises(TimeoutError):
        Deadline(0).check("anything")


def test_input_is_awaited_until_the_deadline() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeLimitError, match="a word: not within 0 s"):
            Deadline(0).await_input(ours, "a word")
        theirs.send(b"word")
        Deadline(0).await_input(ours, "a word")
        assert ours.recv(10) == b"word"
        theirs.close()
        Deadline(0).await_input(ours, "the end")
        assert ours.recv(10) == b""
    Deadline(0).await_input(ours, "what has been closed here")


def test_what_was_missed_may_have_a_hint() -> None:
    assert str(Deadline(2).missed("a word")) == "a word: not within 2 s"
    assert str(Deadline(2).missed("a word", "Was it sent?")) == "a word: not within 2 s. Was it sent?"
