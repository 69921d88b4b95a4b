"""An end that speaks for itself: what a silence is, and what is taken for an answer."""

from __future__ import annotations

import errno
from collections import deque
from typing import cast

import pytest

from harness.binder import Node, Parcel
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import FlatBinderObject, TransactionFlag
from harness.binder.driver_thread import DriverThread, Exchange
from harness.binder.errors import DriverRefusedError
from harness.experiments.instruments.non_blocking import UnexpectedAnswerError, hear, loaded, names, only, say

PAYLOAD_ADDRESS = 0x5000


class ScriptedThread:
    """Answers with one script entry for each ioctl, and with EAGAIN when there is no more."""

    def __init__(self, *script: list[Return] | int) -> None:
        self.script = deque(script)
        self.written: list[tuple[bytes, bytes]] = []

    def write_read(self, write: bytes, _read_size: int, *, payload: bytes) -> Exchange:
        self.written.append((write, payload))
        answer = self.script.popleft() if self.script else errno.EAGAIN
        if isinstance(answer, int):
            raise DriverRefusedError(answer, len(write), len(write))
        return Exchange(len(write), b"".join(word.encode() for word in answer))

    def payload_address(self, _size: int) -> int:
        return PAYLOAD_ADDRESS

    @property
    def driver(self) -> DriverThread:
        return cast(DriverThread, self)


def test_what_is_said_is_written_and_what_is_heard_comes_back() -> None:
    thread = ScriptedThread([returns.Noop(), returns.TransactionComplete()])
    words = (commands.EnterLooper(), commands.Acquire(3))
    assert say(thread.driver, *words, payload=b"data") == (returns.Noop(), returns.TransactionComplete())
    assert thread.written == [(commands.compose(*words), b"data")]


def test_a_silence_is_an_empty_answer_and_its_words_were_said() -> None:
    thread = ScriptedThread()
    assert say(thread.driver, commands.EnterLooper()) == ()
    assert thread.written == [(commands.EnterLooper().encode(), b"")]


def test_any_other_refusal_is_an_error() -> None:
    with pytest.raises(DriverRefusedError):
        say(ScriptedThread(errno.EINVAL).driver, commands.EnterLooper())


def test_hearing_goes_on_until_the_driver_falls_silent() -> None:
    thread = ScriptedThread([returns.Noop(), returns.DeadBinder(1)], [returns.Noop(), returns.DeadBinder(2)])
    assert names(hear(thread.driver)) == ("BR_NOOP", "BR_DEAD_BINDER", "BR_NOOP", "BR_DEAD_BINDER")
    assert hear(thread.driver) == ()


def test_only_one_word_of_the_kind_will_do() -> None:
    complete = returns.TransactionComplete()
    assert only(returns.TransactionComplete, (returns.Noop(), complete)) is complete
    with pytest.raises(UnexpectedAnswerError, match="BR_REPLY once, and said BR_NOOP"):
        only(returns.Reply, (returns.Noop(),))
    with pytest.raises(UnexpectedAnswerError, match="said nothing"):
        only(returns.Reply, ())
    with pytest.raises(UnexpectedAnswerError, match="BR_TRANSACTION_COMPLETE, BR_TRANSACTION_COMPLETE"):
        only(returns.TransactionComplete, (complete, complete))


def test_a_loaded_word_points_at_its_payload_and_keeps_the_rest() -> None:
    node = Node(ptr=0x1000, cookie=7)
    plain = commands.Transaction(target=2, code=9, flags=TransactionFlag.TF_ONE_WAY)
    word, payload = loaded(ScriptedThread().driver, plain, Parcel().int32(1).node(node))
    assert (word.target, word.code, word.flags) == (2, 9, TransactionFlag.TF_ONE_WAY)
    assert word.buffer == PAYLOAD_ADDRESS
    offset = int.from_bytes(payload[word.offsets - PAYLOAD_ADDRESS :][: word.offsets_size], "little")
    found = objects.object_at(payload[: word.data_size], offset)
    assert isinstance(found, FlatBinderObject)
    assert Node(found.binder, found.cookie) == node
