"""Exchanges that never block: what an empty answer means, and which answers are accepted."""

from __future__ import annotations

import errno
from collections import deque
from typing import cast

import pytest

from harness.agent.operations import Write
from harness.agent.scratch import Scratch
from harness.binder import Node, Parcel
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import FlatBinderObject, TransactionFlag
from harness.binder.driver.ioctls import Exchange, ThreadIoctls
from harness.binder.driver.payload import PayloadMemory
from harness.binder.errors import DriverRefusedError
from harness.experiments.instruments.non_blocking import (
    UnexpectedReturnError,
    drain,
    exchange,
    names,
    only,
)

PAYLOAD_ADDRESS = 0x5000


class ScriptedThread:
    """Answers with one script entry for each ioctl, and with EAGAIN when there is no more."""

    def __init__(self, *script: list[Return] | int) -> None:
        self.script = deque(script)
        self.written: list[tuple[bytes, bytes | None]] = []
        self.payloads = PayloadMemory(Scratch(lambda _size, _deadline: PAYLOAD_ADDRESS, 4096))

    def write_read(self, write: bytes, _read_size: int, *, payload: Write | None) -> Exchange:
        self.written.append((write, None if payload is None else payload.data))
        answer = self.script.popleft() if self.script else errno.EAGAIN
        if isinstance(answer, int):
            raise DriverRefusedError(answer, len(write), len(write))
        return Exchange(len(write), b"".join(word.encode() for word in answer))

    @property
    def ioctls(self) -> ThreadIoctls:
        return cast(ThreadIoctls, self)


def test_an_exchange_writes_commands_and_returns_what_the_driver_returns() -> None:
    thread = ScriptedThread([returns.Noop(), returns.TransactionComplete()])
    loaded = thread.payloads.load(commands.Transaction(code=3), Parcel().int32(7))
    assert exchange(thread, commands.EnterLooper(), loaded) == (returns.Noop(), returns.TransactionComplete())
    written = commands.compose(commands.EnterLooper(), loaded.command)
    assert thread.written == [(written, Parcel().int32(7).place(PAYLOAD_ADDRESS).memory)]


def test_a_driver_with_nothing_to_return_gives_an_empty_answer_after_carrying_commands_out() -> None:
    thread = ScriptedThread()
    assert exchange(thread, commands.EnterLooper()) == ()
    assert thread.written == [(commands.EnterLooper().encode(), None)]


def test_any_other_refusal_is_an_error() -> None:
    with pytest.raises(DriverRefusedError):
        exchange(ScriptedThread(errno.EINVAL), commands.EnterLooper())


def test_draining_continues_until_the_driver_returns_nothing() -> None:
    thread = ScriptedThread([returns.Noop(), returns.DeadBinder(1)], [returns.Noop(), returns.DeadBinder(2)])
    assert names(drain(thread)) == ("BR_NOOP", "BR_DEAD_BINDER", "BR_NOOP", "BR_DEAD_BINDER")
    assert drain(thread) == ()


def test_exactly_one_return_of_the_kind_is_accepted() -> None:
    complete = returns.TransactionComplete()
    assert only(returns.TransactionComplete, (returns.Noop(), complete)) is complete
    with pytest.raises(UnexpectedReturnError, match=r"expected BR_REPLY once .* returned BR_NOOP"):
        only(returns.Reply, (returns.Noop(),))
    with pytest.raises(UnexpectedReturnError, match="returned nothing"):
        only(returns.Reply, ())
    with pytest.raises(UnexpectedReturnError, match="BR_TRANSACTION_COMPLETE, BR_TRANSACTION_COMPLETE"):
        only(returns.TransactionComplete, (complete, complete))


def test_a_loaded_command_refers_to_its_payload_and_keeps_its_other_fields() -> None:
    node = Node(ptr=0x1000, cookie=7)
    plain = commands.Transaction(target=2, code=9, flags=TransactionFlag.TF_ONE_WAY)
    loaded = ScriptedThread().payloads.load(plain, Parcel().int32(1).node(node))
    word = loaded.command
    assert isinstance(word, commands.Transaction)
    assert loaded.payload is not None
    payload = loaded.payload.data
    assert loaded.payload.address == PAYLOAD_ADDRESS
    assert (word.target, word.code, word.flags) == (2, 9, TransactionFlag.TF_ONE_WAY)
    assert word.buffer == PAYLOAD_ADDRESS
    offset = int.from_bytes(payload[word.offsets - PAYLOAD_ADDRESS :][: word.offsets_size], "little")
    found = objects.object_at(payload[: word.data_size], offset)
    assert isinstance(found, FlatBinderObject)
    assert Node(found.binder, found.cookie) == node
