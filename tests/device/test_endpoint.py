"""The real driver, from Python: what the unit tests only script."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.agent.pattern import digest, fill_pattern
from harness.agent.process import RemoteProcess
from harness.binder import Binder, Call, Node, Pair, Parcel, RemotePayload, open_pair
from harness.binder.abi import commands, returns
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BINDER_CURRENT_PROTOCOL_VERSION
from harness.binder.errors import (
    DeadObjectError,
    DriverRefusedError,
    FrozenError,
    HandlerError,
    RemoteError,
    StatusError,
    TransactionFailedError,
    TransactionTooLargeError,
    UnknownHandleError,
)
from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.serving.call import Handler
from harness.device.device import Device, DeviceProcess
from harness.recording.record import record_transactions

NODE = "/dev/vndbinder"
SERVER_SIZE = 128 * 1024

OpenPair = Callable[..., Pair[DeviceProcess]]


@pytest.fixture
def pair(device: Device) -> Iterator[OpenPair]:
    """Opens pairs of processes, which end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def opened(handler: Handler, **options: int) -> Pair[DeviceProcess]:
            options.setdefault("size", SERVER_SIZE)
            return stack.enter_context(open_pair(device, NODE, handler, **options))

        yield opened


def echo(call: Call) -> Parcel:
    return Parcel().raw(call.data.raw(call.data_size))


def answer_size(call: Call) -> Parcel:
    return Parcel().int32(call.data_size)


def test_the_example_of_the_readme(device: Device) -> None:
    with device.process() as server, device.process() as client:
        manager = Binder.open(server, NODE, size=SERVER_SIZE)
        manager.become_context_manager()
        manager.serve(lambda call: Parcel().int32(call.data.int32() + 1))
        peer = Binder.open(client, NODE)
        assert peer.transact(handle=0, code=1, data=Parcel().int32(41)).int32() == 42
        assert server.maps.at(manager.mapping).vm_flags >= {"rd", "dc", "mm"}


def test_a_payload_that_never_travels_arrives_whole(pair: OpenPair) -> None:
    seen: list[bytes] = []

    def handler(call: Call) -> None:
        seen.append(call.thread.file.process.memory.digest(call.buffer_address, call.data_size))

    opened = pair(handler)
    with opened.client_process.memory.allocate(100_000) as payload:
        payload.fill(seed=7)
        opened.client.transact(0, 1, RemotePayload(payload.address, payload.size))
    assert seen == [digest(fill_pattern(100_000, 7))]


def test_the_largest_call_fills_the_mapping_and_the_next_size_is_too_large(pair: OpenPair) -> None:
    opened = pair(answer_size)
    with opened.client_process.memory.allocate(SERVER_SIZE + 4096) as payload:
        fits = RemotePayload(payload.address, SERVER_SIZE)
        assert opened.client.transact(0, 1, fits).int32() == SERVER_SIZE
        with pytest.raises(TransactionTooLargeError) as caught:
            opened.client.transact(0, 1, RemotePayload(payload.address, SERVER_SIZE + 8))
        assert caught.value.errno == errno.ENOSPC
        assert (caught.value.mapping, caught.value.room) == (SERVER_SIZE, SERVER_SIZE)
        assert opened.client.transact(0, 1, fits).int32() == SERVER_SIZE


def test_kept_buffers_use_up_the_room_until_freed(pair: OpenPair) -> None:
    buffers = []
    opened = pair(lambda call: buffers.append(call.keep()))
    with opened.client_process.memory.allocate(SERVER_SIZE) as payload:
        half = RemotePayload(payload.address, SERVER_SIZE // 2)
        opened.client.transact(0, 1, half)
        opened.client.transact(0, 1, half)
        with pytest.raises(TransactionTooLargeError) as caught:
            opened.client.transact(0, 1, half)
        assert caught.value.room == 0
        buffers[0].free()
        opened.client.transact(0, 1, half)


def test_the_kernel_identifies_the_sender(device: Device) -> None:
    seen: list[tuple[int, int, bool]] = []

    def handler(call: Call) -> None:
        seen.append((call.sender_pid, call.sender_euid, call.one_way))

    with device.process() as server_process, device.process(uid=2000) as client_process:
        server = Binder.open(server_process, NODE)
        server.become_context_manager()
        server.serve(handler)
        client = Binder.open(client_process, NODE)
        client.transact(0, 1)
        assert client.post(0, 1) == returns.TransactionComplete()
        client.transact(0, 1)
        assert seen == [(client_process.pid, 2000, False), (0, 2000, True), (client_process.pid, 2000, False)]


def test_a_context_manager_may_ask_for_security_contexts(device: Device) -> None:
    seen: list[str | None] = []
    with device.process() as server_process, device.process() as client_process:
        server = Binder.open(server_process, NODE)
        server.become_context_manager(security_context=True)
        server.serve(lambda call: seen.append(call.security_context))
        Binder.open(client_process, NODE).transact(0, 1)
    attribute = device.shell(["cat", "/proc/self/attr/current"])
    assert seen == [attribute.rstrip("\0")]


def test_a_node_sent_is_a_handle_there_and_comes_home_as_the_node(pair: OpenPair) -> None:
    nodes: list[Node] = []
    came_home: list[Node] = []

    def manager(call: Call) -> Parcel:
        if call.code == 1:
            return Parcel().node(nodes[0])
        came_home.append(call.data.node())
        return Parcel()

    opened = pair(manager)
    nodes.append(opened.server.add_node(lambda call: Parcel().int32(call.code * 10)))
    handle = opened.client.transact(0, 1).handle()
    assert handle > 0
    assert opened.client.transact(handle, 4).int32() == 40
    opened.client.transact(0, 2, Parcel().handle(handle))
    assert came_home == nodes
    [info] = opened.server.controls.node_debug_info()
    assert (info.ptr, info.cookie, info.has_strong_ref) == (nodes[0].ptr, nodes[0].cookie, 1)
    opened.client.references.release(handle)
    with pytest.raises(TransactionFailedError) as caught:
        opened.client.transact(handle, 4)
    assert caught.value.errno == errno.EINVAL


def test_a_callback_reaches_the_waiting_thread(pair: OpenPair) -> None:
    def manager(call: Call) -> Parcel:
        back = call.data.handle()
        call.thread.references.acquire(back)
        return Parcel().int32(call.thread.transact(back, 5).int32() + 1)

    opened = pair(manager)
    node = opened.client.add_node(lambda call: Parcel().int32(call.code * 100))
    assert opened.client.transact(0, 1, Parcel().node(node)).int32() == 501


def test_a_null_binder_arrives_as_none(pair: OpenPair) -> None:
    opened = pair(lambda call: Parcel().boolean(call.data.binder() is None))
    assert opened.client.transact(0, 1, Parcel().null_binder()).boolean()


def pipe(process: RemoteProcess) -> tuple[int, int]:
    with process.memory.allocate(4096) as ends:
        process.syscall("pipe2", ends.address, os.O_CLOEXEC)
        both = ends.read(0, 8)
    return int.from_bytes(both[:4], "little"), int.from_bytes(both[4:], "little")


def read_pipe(process: RemoteProcess, descriptor: int) -> bytes:
    with process.memory.allocate(4096) as content:
        size = process.syscall("read", descriptor, content.address, content.size)
        return content.read(0, size)


def test_a_file_descriptor_arrives_open(pair: OpenPair) -> None:
    def manager(call: Call) -> None:
        descriptor = call.data.file_descriptor()
        call.thread.remote.syscall("write", descriptor, b"through", 7)
        call.thread.remote.syscall("close", descriptor)

    opened = pair(manager)
    readable, writable = pipe(opened.client_process)
    opened.client.transact(0, 1, Parcel().file_descriptor(writable))
    assert read_pipe(opened.client_process, readable) == b"through"


def test_a_file_descriptor_in_a_reply_is_usable(pair: OpenPair) -> None:
    ends: list[int] = []
    opened = pair(lambda _: Parcel().file_descriptor(ends[1]))
    ends += pipe(opened.server_process)
    descriptor = opened.client.transact(0, 1).file_descriptor()
    opened.client_process.syscall("write", descriptor, b"back", 4)
    assert read_pipe(opened.server_process, ends[0]) == b"back"


def test_scatter_gather_brings_buffers_and_fixes_the_pointer_in_a_parent(pair: OpenPair) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def manager(call: Call) -> Parcel:
        assert call.data.int32() == 1
        seen.append((call.data.buffer(), call.data.buffer()))
        return Parcel().buffer(b"and back")

    opened = pair(manager)
    data = Parcel().int32(1).buffer(bytes(16)).buffer(b"child", parent=0, parent_offset=8)
    assert opened.client.transact(0, 1, data).buffer() == b"and back"
    [(parent, child)] = seen
    assert child == b"child"
    assert opened.server.mapping <= int.from_bytes(parent[8:], "little") < opened.server.mapping + SERVER_SIZE


def test_the_driver_takes_no_parent_at_the_start_of_the_data(pair: OpenPair) -> None:
    data = Parcel().buffer(bytes(16)).buffer(b"child", parent=0, parent_offset=8)
    with pytest.raises(TransactionFailedError) as caught:
        pair(echo).client.transact(0, 1, data)
    assert caught.value.errno == errno.EINVAL


def test_an_array_of_descriptors_is_translated_in_its_buffer(pair: OpenPair) -> None:
    def manager(call: Call) -> Parcel:
        assert call.data.int32() == 1
        descriptor = int.from_bytes(call.data.buffer()[:4], "little")
        return Parcel().int32(call.thread.remote.syscall("write", descriptor, b"!", 1))

    opened = pair(manager)
    readable, writable = pipe(opened.client_process)
    data = Parcel().int32(1).buffer(writable.to_bytes(4, "little")).descriptor_array(1, parent=0)
    assert opened.client.transact(0, 1, data).int32() == 1
    assert read_pipe(opened.client_process, readable) == b"!"


def test_descriptors_of_an_array_are_closed_with_the_buffer(device: Device, pair: OpenPair) -> None:
    received = []
    opened = pair(lambda call: received.append(call.keep()))
    _, writable = pipe(opened.client_process)
    data = Parcel().int32(1).buffer(writable.to_bytes(4, "little")).descriptor_array(1, parent=0)
    opened.client.transact(0, 1, data)
    [buffer] = received
    reader = buffer.reader()
    reader.int32()
    link = f"/proc/{opened.server_process.pid}/fd/{int.from_bytes(reader.buffer(), 'little')}"
    assert device.files.read_link(link).startswith("pipe:")
    buffer.free()
    assert not device.files.exists(link)


def test_errors_of_handlers_reach_both_sides(device: Device) -> None:
    def handler(call: Call) -> None:
        match call.code:
            case 1:
                raise StatusError(StatusCode.PERMISSION_DENIED)
            case 2:
                raise RemoteError(ExceptionCode.EX_SECURITY, "no")
        raise ValueError("a bug of the test's")

    def use() -> None:
        with open_pair(device, NODE, handler) as opened:
            with pytest.raises(StatusError) as refused:
                opened.client.transact(0, 1)
            assert refused.value.status == StatusCode.PERMISSION_DENIED
            with pytest.raises(RemoteError, match="EX_SECURITY: no"):
                opened.client.transact(0, 2).check_exception()
            with pytest.raises(StatusError) as failed:
                opened.client.transact(0, 3)
            assert failed.value.status == StatusCode.UNKNOWN_ERROR

    with pytest.raises(HandlerError, match="a bug of the test's"):
        use()


def test_a_server_uses_as_many_threads_as_it_may(pair: OpenPair) -> None:
    together = threading.Barrier(3, timeout=10)
    opened = pair(lambda _: together.wait() * 0 or None, threads=3)
    calling = [threading.Thread(target=opened.client.on_new_thread().transact, args=(0, 1)) for _ in range(3)]
    for thread in calling:
        thread.start()
    for thread in calling:
        thread.join(10)
    assert not together.broken
    assert opened.server.server is not None
    assert opened.server.server.threads == 3


def test_a_reply_that_never_comes_ends_at_the_deadline_and_the_thread_is_usable(pair: OpenPair) -> None:
    release = threading.Event()
    opened = pair(lambda call: release.wait(10) and None if call.code == 1 else Parcel().int32(7), threads=2)
    with pytest.raises(TimeLimitError, match="no reply within"):
        opened.client.transact(0, 1, deadline=Deadline(0.2))
    release.set()
    assert opened.client.transact(0, 2).int32() == 7


def test_death_is_notified_and_calls_to_the_dead_fail(device: Device) -> None:
    with device.process() as server_process, device.process() as client_process:
        server = Binder.open(server_process, NODE)
        server.become_context_manager()
        server.serve(echo)
        client = Binder.open(client_process, NODE)
        with pytest.raises(UsageError, match="No reference to handle 0"):
            client.notifications.link_to_death(0, 0xD0)
        client.references.acquire(0)
        client.notifications.link_to_death(0, 0xD0)
        server_process.kill()
        assert client.notifications.wait_for_death(0xD0) == returns.DeadBinder(0xD0)
        with pytest.raises(DeadObjectError):
            client.transact(0, 1)


def test_a_death_link_can_be_cleared(pair: OpenPair) -> None:
    opened = pair(echo)
    opened.client.references.acquire(0)
    opened.client.notifications.link_to_death(0, 0xD0)
    opened.client.notifications.unlink_to_death(0, 0xD0)
    opened.client.notifications.wait_for_clear(0xD0)


def test_a_frozen_process_takes_no_calls(pair: OpenPair) -> None:
    opened = pair(answer_size)
    pid = opened.server_process.pid
    opened.client.transact(0, 1)
    opened.client.controls.freeze(pid, timeout_milliseconds=1000)
    with pytest.raises(FrozenError):
        opened.client.transact(0, 1)
    opened.client.post(0, 1)
    info = opened.client.controls.get_frozen_info(pid)
    assert (info.sync_recv & 1, info.async_recv) == (1, 1)
    opened.client.controls.freeze(pid, enable=False)
    assert opened.client.transact(0, 1).int32() == 0


def test_the_driver_has_version_8_and_one_context_manager(pair: OpenPair) -> None:
    opened = pair(echo)
    assert opened.client.controls.version() == BINDER_CURRENT_PROTOCOL_VERSION
    with pytest.raises(OSError, match="ioctl") as caught:
        opened.client.become_context_manager()
    assert caught.value.errno == errno.EBUSY


def test_only_the_context_manager_may_ask_for_counts(pair: OpenPair) -> None:
    def manager(call: Call) -> Parcel:
        handle = call.data.handle()
        info = call.thread.controls.node_info_for_ref(handle)
        return Parcel().int32(info.strong_count)

    opened = pair(manager)
    node = opened.client.add_node(echo)
    assert opened.client.transact(0, 1, Parcel().node(node)).int32() >= 1
    with pytest.raises(PermissionError):
        opened.client.controls.node_info_for_ref(0)


def test_each_step_of_a_call_can_be_seen(device: Device) -> None:
    """Both ends write single commands, on one thread each, without a server."""
    with (
        device.process() as server_process,
        device.process() as client_process,
        Binder.open(server_process, NODE) as server,
        Binder.open(client_process, NODE) as client,
    ):
        server.become_context_manager()
        call = commands.Transaction(target=0, code=9).encode()
        assert client.ioctls.write_read(call).write_consumed == len(call)
        noop, transaction = server.ioctls.write_read(commands.EnterLooper().encode(), 256).returns
        assert noop == returns.Noop()
        assert isinstance(transaction, returns.Transaction)
        assert (transaction.code, transaction.sender_pid) == (9, client_process.pid)
        answer = commands.compose(commands.FreeBuffer(transaction.buffer), commands.Reply())
        assert server.ioctls.write_read(answer, 256).returns == [
            returns.Noop(),
            returns.TransactionComplete(),
        ]
        received = client.ioctls.write_read(b"", 256).returns
        assert [type(word) for word in received] == [returns.Noop, returns.TransactionComplete, returns.Reply]


def test_a_refusal_of_the_driver_has_the_number_of_consumed_bytes(device: Device) -> None:
    with device.process() as process, Binder.open(process, NODE) as binder:
        good = commands.EnterLooper().encode()
        with pytest.raises(DriverRefusedError) as caught:
            binder.ioctls.write_read(good + bytes(4))
        assert (caught.value.errno, caught.value.write_consumed) == (errno.EINVAL, len(good))
        with pytest.raises(TransactionFailedError) as failed:
            binder.transact(17, 1)
        assert failed.value.errno == errno.EINVAL


def test_flags_of_the_sender_arrive(pair: OpenPair) -> None:
    opened = pair(lambda call: Parcel().int32(call.flags))
    flags = TransactionFlag.TF_ACCEPT_FDS | TransactionFlag.TF_CLEAR_BUF
    assert opened.client.transact(0, 1, flags=flags).int32() == flags


def test_processes_have_names_where_they_are_shown(device: Device) -> None:
    """By default all of them are called as the agent's program is."""
    with (
        device.process(name="the test's server") as server,
        device.process(name="client") as client,
        Binder.open(server, NODE) as manager,
        Binder.open(client, NODE) as caller,
        record_transactions(device) as record,
    ):
        manager.become_context_manager()
        manager.serve(answer_size)
        caller.transact(0, 1)
        with pytest.raises(UnknownHandleError, match="has no handle 99; it has none but 0"):
            caller.transact(99, 1)
        assert server.procfs.status.fields["Name"] == "the test's serv"
    names = [(hop.sender.name, hop.receiver.name) for hop in record.hops.involving(client.pid)][:2]
    assert names == [("client", "the test's server"), ("the test's server", "client")]
