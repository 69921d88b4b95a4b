from __future__ import annotations

import errno
import re
import struct
from typing import Any, cast

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.binder.abi import commands, returns
from harness.binder.abi.objects import Node
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import BinderBufferObject, BinderExtendedError, TransactionFlag
from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.driver.open_file import binder_vm_size
from harness.binder.driver.payload import RemotePayload
from harness.binder.endpoint import Binder
from harness.binder.errors import (
    DeadObjectError,
    FrozenError,
    HandlerError,
    RemoteError,
    StatusError,
    TransactionFailedError,
    TransactionTooLargeError,
)
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.serving.call import Call
from tests.support.fake_driver import DESCRIPTOR, MAPPING, MAPPING_SIZE, FakeProcess

TF_ONE_WAY = TransactionFlag.TF_ONE_WAY
TF_STATUS_CODE = TransactionFlag.TF_STATUS_CODE
SOON = 0.05


@pytest.fixture
def process() -> FakeProcess:
    return FakeProcess()


@pytest.fixture
def binder(process: FakeProcess) -> Binder:
    return Binder(process.file())


def received(process: FakeProcess, parcel: Parcel, offset: int = 0) -> dict[str, int]:
    """The parcel as the driver copied it into the mapping, as fields of a transaction."""
    placed = parcel.place(MAPPING + offset)
    process.put(offset, placed.memory)
    return {
        "data_size": placed.data_size,
        "offsets_size": placed.offsets_size,
        "buffer": MAPPING + offset,
        "offsets": placed.offsets,
    }


def reply(process: FakeProcess, parcel: Parcel, *, flags: int = 0) -> list[Return]:
    data = returns.Reply(flags=TransactionFlag(flags), **received(process, parcel))
    return [returns.TransactionComplete(), data]


def incoming(process: FakeProcess, parcel: Parcel, **fields: int) -> returns.Transaction:
    flags = TransactionFlag(fields.pop("flags", 0))
    return returns.Transaction(flags=flags, **fields, **received(process, parcel, 4096))


def kinds(log: list[list[commands.Command]]) -> list[list[type[commands.Command]]]:
    return [[type(word) for word in written] for written in log]


# --- calls ---


def test_a_call_sends_its_data_and_frees_the_reply(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel().int32(42)))
    assert binder.transact(handle=5, code=7, data=Parcel().int32(41)).int32() == 42
    [[call], [free]] = process.main.log
    assert isinstance(call, commands.Transaction)
    assert (call.target, call.code, call.flags) == (5, 7, TransactionFlag.TF_ACCEPT_FDS)
    assert process.main.sent == [Parcel().int32(41).data]
    assert free == commands.FreeBuffer(MAPPING)
    assert binder.file.held == {}


def test_handles_of_a_reply_are_acquired_before_its_buffer_is_freed(
    process: FakeProcess, binder: Binder
) -> None:
    process.main.script.append(reply(process, Parcel().handle(3).handle(9)))
    reader = binder.transact(0, 1)
    assert process.main.log[1] == [commands.Acquire(3), commands.Acquire(9), commands.FreeBuffer(MAPPING)]
    assert [reader.handle(), reader.handle()] == [3, 9]


def test_a_reply_is_read_in_the_wire_format_of_the_call(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel(WireFormat.ANDROID_10).handle(3).int32(8)))
    reader = binder.transact(0, 1, Parcel(WireFormat.ANDROID_10))
    assert (reader.handle(), reader.int32()) == (3, 8)


def test_an_endpoint_says_what_it_is(process: FakeProcess, binder: Binder) -> None:
    shown = repr(binder)
    assert shown.startswith(
        f"<Binder {binder.file.path} of process {process.pid}: {binder.size:,} bytes at 0x"
    )
    binder.close()
    assert repr(binder).endswith(": closed>")


def test_call_leaves_the_reply_in_place_until_freed(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel().string16("stays")))
    with binder.call(0, 1) as buffer:
        assert (buffer.address, buffer.data_size) == (MAPPING, 16)
        assert binder.file.room == MAPPING_SIZE - 16
        assert buffer.reader().string16() == "stays"
        assert len(process.main.log) == 1
    assert process.main.log[1] == [commands.FreeBuffer(MAPPING)]
    buffer.free()
    assert len(process.main.log) == 2


def test_data_in_the_sender_already_does_not_travel(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel()))
    binder.transact(0, 1, RemotePayload(MAPPING + 64, 1024))
    [[call], _] = process.main.log
    assert isinstance(call, commands.Transaction)
    assert (call.buffer, call.data_size, call.offsets_size) == (MAPPING + 64, 1024, 0)


def test_buffer_objects_go_with_a_scatter_gather_transaction(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel()))
    binder.transact(0, 1, Parcel().buffer(b"12345"))
    [[call], _] = process.main.log
    assert isinstance(call, commands.TransactionSg)
    assert (call.buffers_size, call.offsets_size) == (8, 8)
    [sent] = process.main.sent
    pointed = BinderBufferObject.unpack(sent).buffer
    assert process.memory.read(pointed, 5) == b"12345"


def test_the_address_of_a_payload_outlives_the_growth_of_commands(
    process: FakeProcess, binder: Binder
) -> None:
    payload = bytes(range(256)) * 64
    process.main.script.append(reply(process, Parcel()))
    binder.transact(0, 1, Parcel().raw(payload))
    assert process.main.sent == [payload]


@pytest.mark.parametrize("accepted", [returns.OnewaySpamSuspect(), returns.TransactionPendingFrozen()])
def test_a_one_way_call_tells_how_it_was_accepted(
    process: FakeProcess, binder: Binder, accepted: Return
) -> None:
    process.main.script.append([accepted])
    assert binder.post(0, 1) == accepted
    process.main.script.append([returns.TransactionComplete()])
    assert binder.transact(0, 1, one_way=True).remaining == 0
    assert all(TF_ONE_WAY in written[0].flags for written in process.main.log)  # type: ignore[attr-defined]


def test_a_signal_does_not_send_a_call_twice(process: FakeProcess, binder: Binder) -> None:
    pending = process.main.submit

    def interrupted_once(*operations: object, keep_going: bool = False) -> object:
        process.main.submit = pending  # type: ignore[method-assign]
        said, process.main.script = process.main.script, type(process.main.script)()
        ended = pending(*operations, keep_going=keep_going)  # type: ignore[arg-type]
        ended.interrupt()
        process.main.script = said
        return ended

    process.main.script.append(reply(process, Parcel().int32(1)))
    process.main.submit = interrupted_once  # type: ignore[method-assign,assignment]
    assert binder.transact(0, 1).int32() == 1
    assert kinds(process.main.log) == [[commands.Transaction], [commands.FreeBuffer]]


# --- failures ---


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (returns.DeadReply(), DeadObjectError),
        (returns.FrozenReply(), FrozenError),
        (returns.FailedReply(), TransactionFailedError),
    ],
)
def test_an_older_driver_gives_no_errno(
    process: FakeProcess, binder: Binder, answer: Return, error: type[TransactionFailedError]
) -> None:
    process.main.script.append([answer])
    with pytest.raises(error) as caught:
        binder.transact(0, 1)
    assert caught.value.errno is None


def test_too_large_names_the_room_of_a_known_target(process: FakeProcess, binder: Binder) -> None:
    target = FakeProcess().file()
    target.held[MAPPING] = 4096
    binder.file.targets[0] = target
    process.answers[BinderIoctl.BINDER_GET_EXTENDED_ERROR] = BinderExtendedError(
        1, BinderReturn.BR_FAILED_REPLY, -errno.ENOSPC
    )
    process.main.script.append([returns.FailedReply()])
    with pytest.raises(TransactionTooLargeError) as caught:
        binder.transact(0, 1, RemotePayload(MAPPING, 60_000))
    error = caught.value
    assert (error.size, error.mapping, error.room) == (60_000, MAPPING_SIZE, MAPPING_SIZE - 4096)


def test_a_status_reply_is_an_error_and_its_buffer_is_freed(process: FakeProcess, binder: Binder) -> None:
    status = Parcel().int32(StatusCode.UNKNOWN_TRANSACTION)
    process.main.script.append(reply(process, status, flags=TF_STATUS_CODE))
    with pytest.raises(StatusError) as caught:
        binder.transact(0, 1)
    assert caught.value.status == StatusCode.UNKNOWN_TRANSACTION
    assert process.main.log[-1] == [commands.FreeBuffer(MAPPING)]


def test_no_reply_by_the_deadline_ends_the_call_in_the_driver_too(
    process: FakeProcess, binder: Binder
) -> None:
    with pytest.raises(TimeLimitError, match=r"code 1 to handle 0 .* nobody serves it"):
        binder.transact(0, 1, deadline=Deadline(SOON))
    assert process.main.ioctls == [BinderIoctl.BINDER_THREAD_EXIT]
    process.main.script.append(reply(process, Parcel().int32(1)))
    assert binder.transact(0, 1).int32() == 1


# --- serving ---


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


def served(process: FakeProcess, *said: list[Return]) -> None:
    """What the first looper will be told, before the first waits for more."""
    process.next_scripts.append(list(said))


def test_a_server_enters_the_pool_and_answers(process: FakeProcess, binder: Binder) -> None:
    served(process, [incoming(process, Parcel().int32(1), code=3)])
    with binder:
        server = binder.serve(lambda call: Parcel().int32(call.code))
        assert repr(server) == f"<Server of {binder.file}, 1 of at most 1 loopers>"
        looper = process.threads[1]
        Deadline(5).poll(lambda: len(looper.sent) == 1, "the reply")
        assert server.error is None
    assert kinds(looper.log) == [[commands.EnterLooper], [commands.FreeBuffer, commands.Reply]]
    assert looper.ioctls == [BinderIoctl.BINDER_THREAD_EXIT]
    assert process.calls[-2:] == ["munmap", "close"]


def test_what_a_handler_raises_reaches_the_caller_as_a_status_and_the_owner_at_close(
    process: FakeProcess, binder: Binder
) -> None:
    served(process, [incoming(process, Parcel())])

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
def test_what_can_be_no_reply_is_said_in_words(
    process: FakeProcess, binder: Binder, returned: object
) -> None:
    served(process, [incoming(process, Parcel())])
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
    served(process, [incoming(process, Parcel())])

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
    served(process, [returns.SpawnLooper()])
    served(process, [returns.SpawnLooper()])
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


# --- references ---


def test_references_are_single_commands(process: FakeProcess, binder: Binder) -> None:
    binder.references.increfs(1)
    binder.references.acquire(1)
    binder.notifications.link_to_death(1, 0xC0)
    binder.notifications.unlink_to_death(1, 0xC0)
    binder.references.release(1)
    binder.references.decrefs(1)
    assert process.main.log == [
        [commands.Increfs(1)],
        [commands.Acquire(1)],
        [commands.RequestDeathNotification(1, 0xC0)],
        [commands.ClearDeathNotification(1, 0xC0)],
        [commands.Release(1)],
        [commands.Decrefs(1)],
    ]


def test_a_death_is_awaited_as_a_looper_and_acknowledged(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append([returns.DeadBinder(0xC0)])
    process.main.script.append([returns.DeadBinder(0xC1)])
    assert binder.notifications.wait_for_death(0xC1) == returns.DeadBinder(0xC1)
    assert binder.notifications.wait_for_death(0xC0) == returns.DeadBinder(0xC0)
    assert process.main.log == [
        [commands.EnterLooper()],
        [commands.DeadBinderDone(0xC0)],
        [commands.DeadBinderDone(0xC1)],
    ]


def test_a_served_file_learns_of_deaths_from_its_server(process: FakeProcess, binder: Binder) -> None:
    served(process, [returns.DeadBinder(0xC0)])
    with binder:
        binder.serve(lambda _: None)
        assert binder.notifications.wait_for_death(0xC0) == returns.DeadBinder(0xC0)
        with pytest.raises(TimeLimitError, match="BR_DEAD_BINDER for cookie 0xc1"):
            binder.notifications.wait_for_death(0xC1, Deadline(SOON))
    assert process.main.log == []


def test_nodes_differ_and_none_is_the_context_manager(binder: Binder) -> None:
    nodes = {binder.add_node(lambda _: None) for _ in range(3)}
    assert len({node.ptr for node in nodes} | {0}) == 4
    assert all(isinstance(node, Node) for node in nodes)


# --- opening ---


def test_open_maps_what_libbinder_maps(process: FakeProcess) -> None:
    with Binder.open(process.remote, "/dev/vndbinder") as binder:
        assert (binder.descriptor, binder.mapping) == (DESCRIPTOR, MAPPING)
        assert binder.size == binder_vm_size(4096) == 1_040_384
    assert binder_vm_size(16384) == 1_015_808
    binder.close()
    assert process.calls == ["openat", "mmap", "munmap", "close"]


def test_raw_exchanges_count_bytes(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append([returns.TransactionComplete()])
    done = binder.ioctls.write_read(commands.compose(commands.EnterLooper()), 32)
    assert (done.write_consumed, done.read_consumed) == (4, 8)
    assert done.returns == [returns.Noop(), returns.TransactionComplete()]
