"""How endpoints begin and end on the real driver: what stays behind, and what becomes of calls meanwhile."""

from __future__ import annotations

import concurrent.futures
import errno
import threading

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.binder import (
    Binder,
    Call,
    DeadObjectError,
    Node,
    Parcel,
    StatusError,
    TransactionFailedError,
    open_ends,
    open_pair,
)
from harness.binder.abi import commands, returns
from harness.binder.parcels.status import StatusCode
from harness.device.device import Device

pytestmark = pytest.mark.requires("free_binder")

SERVER_SIZE = 128 * 1024


@pytest.fixture
def node(device: Device) -> str:
    path = device.facts.free_binder_device
    assert path is not None
    return path


def test_a_device_that_cannot_be_mapped_is_closed_again(device: Device, node: str) -> None:
    with device.process() as process:
        before = process.procfs.descriptors
        with pytest.raises(OSError, match="mmap") as caught:
            Binder.open(process, node, size=0)
        assert caught.value.errno == errno.EINVAL
        assert process.procfs.descriptors == before


def test_closing_leaves_neither_descriptor_nor_mapping_nor_record(device: Device, node: str) -> None:
    with device.process() as process:
        before = process.procfs.descriptors
        binder = Binder.open(process, node, size=SERVER_SIZE)
        assert process.procfs.descriptors[binder.descriptor] == node
        binder.close()
        binder.close()
        assert process.procfs.descriptors == before
        assert node not in {mapping.path for mapping in process.maps}


def test_nobody_serves_two_ways_at_once(device: Device, node: str) -> None:
    with open_pair(device, node) as pair, pytest.raises(UsageError, match="served already"):
        pair.server.serve(lambda _: None)


def test_calls_to_a_closed_endpoint_find_it_dead(device: Device, node: str) -> None:
    with open_pair(device, node) as pair:
        pair.client.transact(0, 1)
        pair.client.references.acquire(0)  # or a call would go to whoever is context manager by then
        pair.server.close()
        with pytest.raises(DeadObjectError):
            pair.client.transact(0, 1)


def test_a_call_under_way_ends_when_its_server_is_killed(device: Device, node: str) -> None:
    with (
        open_ends(device, node) as pair,
        concurrent.futures.ThreadPoolExecutor(1) as beside,
    ):
        calling = beside.submit(pair.client.transact, 0, 1)
        received = pair.server.ioctls.write_read(commands.EnterLooper().encode(), 256).returns
        assert returns.Transaction in {type(word) for word in received}
        pair.server_process.kill()
        with pytest.raises(DeadObjectError):
            calling.result(10)


def test_stopping_waits_for_a_handler_until_the_deadline_and_its_call_gets_no_reply(
    device: Device, node: str
) -> None:
    entered, leave = threading.Event(), threading.Event()

    def handler(_: Call) -> None:
        entered.set()
        leave.wait(10)

    with open_pair(device, node, handler) as pair, concurrent.futures.ThreadPoolExecutor(1) as beside:
        calling = beside.submit(pair.client.transact, 0, 1)
        assert entered.wait(10)
        assert pair.server.server is not None
        with pytest.raises(TimeLimitError, match="the handler of a call"):
            pair.server.server.close(Deadline(0.05))
        leave.set()
        with pytest.raises(DeadObjectError):
            calling.result(10)


def test_a_node_without_a_handler_refuses_calls(device: Device, node: str) -> None:
    with open_pair(device, node, lambda _: Parcel().node(Node(ptr=0x9000, cookie=1))) as pair:
        handle = pair.client.transact(0, 1).handle()
        with pytest.raises(StatusError) as caught:
            pair.client.transact(handle, 1)
        assert caught.value.status == StatusCode.UNKNOWN_TRANSACTION


def test_one_way_calls_to_one_node_keep_their_order_on_many_threads(device: Device, node: str) -> None:
    codes: list[int] = []
    arrived = threading.Event()

    def handler(call: Call) -> None:
        codes.append(call.code)
        if call.code == 20:
            arrived.set()

    with open_pair(device, node, handler, threads=3) as pair:
        for code in range(1, 21):
            pair.client.post(0, code)
        assert arrived.wait(10)
    assert codes == list(range(1, 21))


def test_threads_of_one_client_get_their_own_replies(device: Device, node: str) -> None:
    with (
        open_pair(device, node, lambda call: Parcel().int32(call.code), threads=2) as pair,
        concurrent.futures.ThreadPoolExecutor(3) as beside,
    ):
        threads = [pair.client.on_new_thread() for _ in range(3)]
        for base in range(0, 30, 3):
            replies = beside.map(lambda at: at[1].transact(0, at[0]).int32(), enumerate(threads, base))
            assert list(replies) == [base, base + 1, base + 2]


def test_a_serving_endpoint_is_notified_of_a_death(device: Device, node: str) -> None:
    with open_pair(device, node) as pair:
        pair.client.serve()
        pair.client.references.acquire(0)
        pair.client.notifications.link_to_death(0, 0xD0)
        pair.server_process.kill()
        assert pair.client.notifications.wait_for_death(0xD0) == returns.DeadBinder(0xD0)


def test_a_death_that_does_not_come_is_awaited_until_the_deadline(device: Device, node: str) -> None:
    with open_pair(device, node) as pair:
        pair.client.references.acquire(0)
        pair.client.notifications.link_to_death(0, 0xD0)
        with pytest.raises(TimeLimitError):
            pair.client.notifications.wait_for_death(0xD0, Deadline(0.05))
        assert pair.client.transact(0, 1).remaining == 0


def test_a_thread_that_the_driver_forgot_can_go_on(device: Device, node: str) -> None:
    with open_pair(device, node, lambda call: Parcel().int32(call.code)) as pair:
        assert pair.client.transact(0, 1).int32() == 1
        pair.client.main.thread_exit()
        assert pair.client.transact(0, 2).int32() == 2


def test_every_node_of_a_process_is_listed_by_rising_ptr(device: Device, node: str) -> None:
    buffers = []

    def handler(call: Call) -> None:
        buffers.append(call.keep())

    with open_pair(device, node, handler) as pair:
        nodes = [pair.client.add_node(lambda _: None) for _ in range(3)]
        pair.client.transact(0, 1, Parcel().node(nodes[2]).node(nodes[0]).node(nodes[1]))
        listed = [(info.ptr, info.cookie) for info in pair.client.controls.node_debug_info()]
        assert listed == [(owned.ptr, owned.cookie) for owned in nodes]


def test_a_mapping_of_one_page_takes_one_page(device: Device, node: str) -> None:
    size = device.facts.page_size
    with open_pair(device, node, size=size) as pair:
        pair.client.transact(0, 1, Parcel().raw(bytes(size)))
        with pytest.raises(TransactionFailedError):
            pair.client.transact(0, 1, Parcel().raw(bytes(size + 8)))
