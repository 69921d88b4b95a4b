"""Calls to a process's own nodes, on the calling thread and on a server's loopers."""

from __future__ import annotations

import re
import struct
from typing import Any, cast

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.binder.abi import commands, returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.endpoint import Binder
from harness.binder.errors import (
    HandlerError,
    RemoteError,
    StatusError,
)
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.serving.call import Call
from tests.support.fake_driver import (
    MAPPING,
    FakeProcess,
    incoming,
    kinds,
    reply,
    script_next_thread,
)

TF_ONE_WAY = TransactionFlag.TF_ONE_WAY
TF_STATUS_CODE = TransactionFlag.TF_STATUS_CODE


def test_a_call_that_comes_back_is_served_while_waiting(process: FakeProcess, binder: Binder) -> None:
    seen: list[Call] = []

    def handler(call: Call) -> Parcel:
        seen.append(call)
        return Parcel().int32(call.data.int32() * 2)

    node = binder.add_node(handler)
    back = incoming(process, Parcel().int32(21), target=node.ptr, cookie=node.cookie, code=2, sender_pid=7)
    process.main.script.append(
        [
            returns.Increfs(node.ptr, node.cookie),
            returns.Acquire(node.ptr, node.cookie),
            returns.TransactionComplete(),
            back,
        ]
    )
    process.main.script.append(reply(process, Parcel().int32(1)))
    assert binder.transact(0, 1, Parcel().node(node)).int32() == 1
    assert kinds(process.main.log) == [
        [commands.Transaction],
        [commands.IncrefsDone, commands.AcquireDone, commands.FreeBuffer, commands.Reply],
        [commands.FreeBuffer],
    ]
    assert ParcelReader(process.main.sent[-1]).int32() == 42
    assert (seen[0].code, seen[0].sender_pid, seen[0].target) == (2, 7, node.ptr)


def test_a_call_to_an_unknown_node_is_answered_with_a_status(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append([incoming(process, Parcel(), target=0xBAD0)])
    process.main.script.append(reply(process, Parcel()))
    binder.transact(0, 1)
    answer = process.main.log[1][-1]
    assert isinstance(answer, commands.Reply)
    assert TF_STATUS_CODE in answer.flags
    assert ParcelReader(process.main.sent[1]).int32() == StatusCode.UNKNOWN_TRANSACTION


def test_a_one_way_call_gets_no_reply(process: FakeProcess, binder: Binder) -> None:
    node = binder.add_node(lambda call: Parcel().int32(call.code))
    process.main.script.append([incoming(process, Parcel(), target=node.ptr, flags=TF_ONE_WAY)])
    process.main.script.append(reply(process, Parcel()))
    binder.transact(0, 1)
    assert kinds(process.main.log)[1] == [commands.FreeBuffer]


def test_a_kept_buffer_is_freed_by_its_keeper_on_another_thread(process: FakeProcess, binder: Binder) -> None:
    kept = []
    node = binder.add_node(lambda call: kept.append(call.keep()))
    process.main.script.append([incoming(process, Parcel().int64(5), target=node.ptr)])
    process.main.script.append(reply(process, Parcel()))
    binder.transact(0, 1)
    assert kinds(process.main.log)[1] == [commands.Reply]
    [buffer] = kept
    assert buffer.reader().int64() == 5
    buffer.free()
    assert process.threads[1].log == [[commands.FreeBuffer(MAPPING + 4096)]]
    assert buffer.freed


def test_security_contexts_are_read_from_the_mapping(process: FakeProcess, binder: Binder) -> None:
    address = process.put(4096 - 8, b"u:r:shell:s0\0")
    seen: list[str | None] = []
    node = binder.add_node(lambda call: seen.append(call.security_context))
    call = returns.TransactionSecurityContext(target=node.ptr, buffer=MAPPING + 64, secctx=address)
    process.main.script += [[call], reply(process, Parcel())]
    binder.transact(0, 1)
    assert seen == ["u:r:shell:s0"]


def test_a_server_enters_the_pool_and_answers(process: FakeProcess, binder: Binder) -> None:
    script_next_thread(process, [incoming(process, Parcel().int32(1), code=3)])
    with binder:
        server = binder.serve(lambda call: Parcel().int32(call.code))
        assert repr(server) == f"<Server of {binder.file}, 1 of at most 1 loopers>"
        looper = process.threads[1]
        Deadline(5).poll(lambda: len(looper.sent) == 1, "the reply")
        assert server.error is None
    assert kinds(looper.log) == [[commands.EnterLooper], [commands.FreeBuffer, commands.Reply]]
    assert looper.ioctls == [BinderIoctl.BINDER_THREAD_EXIT]
    assert process.calls[-2:] == ["munmap", "close"]


def test_a_served_call_takes_one_round_trip(process: FakeProcess, binder: Binder) -> None:
    complete: list[Return] = [returns.TransactionComplete()]
    call: list[Return] = [incoming(process, Parcel().int32(41))]
    script_next_thread(process, call, complete, call, complete, call, complete)
    with binder:
        binder.serve(lambda call: Parcel().int32(call.data.int32() + 1))
        looper = process.threads[1]
        Deadline(5).poll(lambda: len(looper.sent) == 3, "the replies")
        assert looper.trips == 4  # the first has no reply to send, the last has no call to await


def test_a_request_for_a_thread_is_acted_on_before_the_thread_waits_for_another_call(
    process: FakeProcess, binder: Binder
) -> None:
    call: list[Return] = [returns.SpawnLooper(), incoming(process, Parcel().int32(41))]
    complete: list[Return] = [returns.SpawnLooper(), returns.TransactionComplete()]
    script_next_thread(process, call, complete)
    with binder:
        binder.serve(lambda call: Parcel().int32(call.data.int32() + 1))
        looper = process.threads[1]
        Deadline(5).poll(lambda: looper.trips == 3, "the wait for another call, in a trip of its own")
    assert ParcelReader(looper.sent[0]).int32() == 42


def test_what_a_handler_raises_reaches_the_caller_as_a_status_and_the_owner_at_close(
    process: FakeProcess, binder: Binder
) -> None:
    script_next_thread(process, [incoming(process, Parcel())])

    def handler(_: Call) -> Parcel:
        raise ValueError("a bug of the test's")

    server = binder.serve(handler)
    looper = process.threads[1]
    Deadline(5).poll(lambda: len(looper.sent) == 1, "the reply")
    assert ParcelReader(looper.sent[0]).int32() == StatusCode.UNKNOWN_ERROR
    assert isinstance(server.error, ValueError)
    with pytest.raises(HandlerError, match="ValueError: a bug of the test's") as caught:
        binder.close()
    assert caught.value.__cause__ is server.error
    assert process.calls[-2:] == ["munmap", "close"]


@pytest.mark.parametrize("returned", ["text", 0, b"", ("a", "tuple")])
def test_a_handler_that_returns_no_reply_gets_an_explanation(
    process: FakeProcess, binder: Binder, returned: object
) -> None:
    script_next_thread(process, [incoming(process, Parcel())])
    server = binder.serve(cast(Any, lambda _: returned))
    looper = process.threads[1]
    Deadline(5).poll(lambda: len(looper.sent) == 1, "the reply")
    assert ParcelReader(looper.sent[0]).int32() == StatusCode.UNKNOWN_ERROR
    assert isinstance(server.error, UsageError)
    with pytest.raises(
        HandlerError, match=rf"returned {re.escape(repr(returned))}, of type .* return a Parcel"
    ):
        binder.close()


@pytest.mark.parametrize(
    ("raised", "flags", "words"),
    [
        (StatusError(StatusCode.PERMISSION_DENIED), TF_STATUS_CODE, [-1]),
        (RemoteError(ExceptionCode.EX_ILLEGAL_STATE), TransactionFlag(0), [-5, 0, 0, 0]),
    ],
)
def test_errors_of_the_protocol_are_answers_and_no_failure(
    process: FakeProcess, binder: Binder, raised: Exception, flags: TransactionFlag, words: list[int]
) -> None:
    script_next_thread(process, [incoming(process, Parcel())])

    def handler(_: Call) -> Parcel:
        raise raised

    with binder:
        binder.serve(handler)
        looper = process.threads[1]
        Deadline(5).poll(lambda: len(looper.sent) == 1, "the reply")
    answer = looper.log[1][-1]
    assert isinstance(answer, commands.Reply)
    assert answer.flags == flags
    assert list(struct.unpack(f"<{len(words)}i", looper.sent[0])) == words


def test_the_driver_gets_the_threads_it_asks_for_up_to_the_limit(
    process: FakeProcess, binder: Binder
) -> None:
    script_next_thread(process, [returns.SpawnLooper()])
    script_next_thread(process, [returns.SpawnLooper()])
    with binder:
        server = binder.serve(lambda _: None, threads=2)
        Deadline(5).poll(lambda: server.threads == 2, "a second looper")
        Deadline(5).poll(lambda: not process.threads[2].script, "its request for a third")
    assert server.threads == 2
    assert [kinds(thread.log) for thread in process.threads[1:]] == [
        [[commands.EnterLooper]],
        [[commands.RegisterLooper]],
    ]


def test_a_file_is_served_once(binder: Binder) -> None:
    with binder:
        binder.serve(lambda _: None)
        with pytest.raises(UsageError, match="served already"):
            binder.serve(lambda _: None)


def test_an_exception_in_a_handler_is_seen_at_once(
    process: FakeProcess, binder: Binder, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets a status, and close() may be far away: without a word, nobody would look for it."""
    script_next_thread(process, [incoming(process, Parcel().string16("\x1b[2J"), code=7, sender_pid=9)])

    def faulty_handler(call: Call) -> Parcel:
        raise ValueError(call.data.string16())

    binder.serve(faulty_handler)
    Deadline(5).poll(lambda: len(process.threads[1].sent) == 1, "the reply")
    (message,) = caplog.messages
    assert message.startswith("The handler of <Call of code 7 from process 9, 16 bytes: 04000000 1b005b00")
    assert "in faulty_handler" in message
    assert "ValueError: \\u001b[2J" in message
    with pytest.raises(HandlerError):
        binder.close()
