"""Transactions of one thread: replies, failures, and what it does meanwhile."""

from __future__ import annotations

import errno

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.protocol import Batch
from harness.binder.abi import commands, returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import BinderBufferObject, BinderExtendedError, TransactionFlag
from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.driver.one_trip import MOST_DATA
from harness.binder.driver.payload import RemotePayload
from harness.binder.endpoint import Binder
from harness.binder.errors import (
    DeadObjectError,
    FrozenError,
    StatusError,
    TransactionFailedError,
    TransactionTooLargeError,
)
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.status import StatusCode
from harness.binder.parcels.wire_format import WireFormat
from tests.support.fake_driver import (
    MAPPING,
    MAPPING_SIZE,
    FakePending,
    FakeProcess,
    kinds,
    reply,
)

TF_ONE_WAY = TransactionFlag.TF_ONE_WAY
TF_STATUS_CODE = TransactionFlag.TF_STATUS_CODE
SOON = 0.05


def test_a_call_sends_its_data_and_frees_the_reply(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel().int32(42)))
    assert binder.transact(handle=5, code=7, data=Parcel().int32(41)).int32() == 42
    [[call], [free]] = process.main.log
    assert isinstance(call, commands.Transaction)
    assert (call.target, call.code, call.flags) == (5, 7, TransactionFlag.TF_ACCEPT_FDS)
    assert process.main.sent == [Parcel().int32(41).data]
    assert free == commands.FreeBuffer(MAPPING)
    assert binder.file.held == {}


def test_a_call_with_a_small_reply_takes_one_round_trip(process: FakeProcess, binder: Binder) -> None:
    process.main.script.append(reply(process, Parcel().raw(bytes(MOST_DATA))))
    assert binder.transact(0, 1).data == bytes(MOST_DATA)
    assert (process.main.trips, binder.file.held) == (1, {})


def test_a_reply_with_objects_takes_two_and_a_large_one_is_read_after_it(
    process: FakeProcess, binder: Binder
) -> None:
    process.main.script.append(reply(process, Parcel().handle(3)))
    assert binder.transact(0, 1).handle() == 3
    assert process.main.trips == 2
    large = bytes(range(256)) * (MOST_DATA // 256) + b"more"
    process.main.script.append(reply(process, Parcel().raw(large)))
    assert binder.transact(0, 1).data == large
    assert (process.main.trips, binder.file.held) == (4, {})


def test_a_reply_that_comes_after_the_completion_is_fetched_then(
    process: FakeProcess, binder: Binder
) -> None:
    [complete, answer] = reply(process, Parcel().int32(42))
    process.main.script.extend([[complete], [answer]])
    assert binder.transact(0, 1).int32() == 42
    assert kinds(process.main.log) == [[commands.Transaction], [commands.FreeBuffer]]
    assert process.main.trips == 2


def test_an_interrupted_call_takes_nothing_for_a_reply_that_an_earlier_one_left_in_memory(
    process: FakeProcess, binder: Binder
) -> None:
    process.main.script.append(reply(process, Parcel().int32(42)))
    binder.transact(0, 1)
    with pytest.raises(TimeLimitError):
        binder.transact(0, 1, deadline=Deadline(SOON))
    assert kinds(process.main.log) == [[commands.Transaction], [commands.FreeBuffer], [commands.Transaction]]


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


def test_the_repr_of_an_endpoint(process: FakeProcess, binder: Binder) -> None:
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
def test_a_one_way_call_returns_how_it_was_accepted(
    process: FakeProcess, binder: Binder, accepted: Return
) -> None:
    process.main.script.append([accepted])
    assert binder.post(0, 1) == accepted
    process.main.script.append([returns.TransactionComplete()])
    assert binder.transact(0, 1, one_way=True).remaining == 0
    assert all(TF_ONE_WAY in written[0].flags for written in process.main.log)  # type: ignore[attr-defined]


def test_a_signal_does_not_send_a_call_twice(process: FakeProcess, binder: Binder) -> None:
    pending = process.main.submit_batch

    def interrupted_once(batch: Batch) -> FakePending:
        process.main.submit_batch = pending  # type: ignore[method-assign]
        script, process.main.script = process.main.script, type(process.main.script)()
        ended = pending(batch)
        ended.interrupt()
        process.main.script = script
        return ended

    process.main.script.append(reply(process, Parcel().int32(1)))
    process.main.submit_batch = interrupted_once  # type: ignore[method-assign]
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


def test_a_call_to_handle_0_that_nobody_takes_names_the_context_manager(
    process: FakeProcess, binder: Binder
) -> None:
    process.main.script.append([returns.DeadReply()])
    with pytest.raises(DeadObjectError, match="become_context_manager"):
        binder.transact(0, 1)


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
