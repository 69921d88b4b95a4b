"""Probes of objects in transactions: descriptors, nodes, handles, buffers, and malformed ones."""

from __future__ import annotations

from harness.binder.abi import commands
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdArrayObject,
    BinderFdObject,
    BufferFlag,
    FlatBinderObject,
    ObjectType,
    TransactionFlag,
)
from harness.experiments.instruments.non_blocking import drain, exchange
from harness.experiments.probes.bench import BAD_ADDRESS, Bench
from harness.experiments.probes.probe import probe

NO_FLAG = BufferFlag(0)
FDS = TransactionFlag.TF_ACCEPT_FDS


def _fd(number: int) -> bytes:
    return BinderFdObject(ObjectType.BINDER_TYPE_FD, 0, number).pack()


@probe("object.unknown")
def unknown(bench: Bench) -> object:
    """What is a call answered with whose object has an unknown type?"""
    return bench.sent(FlatBinderObject(0x12345678).pack(), (0,))


@probe("object.offset-outside")
def outside(bench: Bench) -> object:
    """And one whose offset is beyond the data?"""
    return bench.sent(bytes(64), (1024,))


@probe("object.offset-unaligned")
def unaligned(bench: Bench) -> object:
    """And one whose offset is odd?"""
    return bench.sent(bytes(64), (1,))


@probe("object.cut-off")
def cut_off(bench: Bench) -> object:
    """And one whose object ends beyond the data?"""
    node = FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, binder=0x1000, cookie=1).pack()
    return bench.sent(node[:16], (0,))


@probe("object.overlapping")
def overlapping(bench: Bench) -> object:
    """And one with two objects at one place?"""
    node = FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, binder=0x1000, cookie=1).pack()
    return bench.sent(node + bytes(24), (0, 0))


@probe("object.backwards")
def backwards(bench: Bench) -> object:
    """And one whose offsets are not in order?"""
    node = FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, binder=0x1000, cookie=1).pack()
    return bench.sent(node * 2, (24, 0))


@probe("object.node-null")
def node_null(bench: Bench) -> object:
    """May a node have the address 0?"""
    return bench.sent(FlatBinderObject(ObjectType.BINDER_TYPE_BINDER).pack(), (0,))


@probe("object.node-weak")
def node_weak(bench: Bench) -> object:
    """May a weak node be sent?"""
    node = FlatBinderObject(ObjectType.BINDER_TYPE_WEAK_BINDER, binder=0x1000, cookie=1)
    return bench.sent(node.pack(), (0,))


@probe("object.cookie")
def cookie(bench: Bench) -> object:
    """May one transaction hold a node with two cookies?"""
    nodes = [
        FlatBinderObject(ObjectType.BINDER_TYPE_BINDER, binder=0x1000, cookie=number) for number in (1, 2)
    ]
    return bench.sent(b"".join(node.pack() for node in nodes), (0, 24))


@probe("object.handle-unknown")
def handle_unknown(bench: Bench) -> object:
    """What is a call answered with that holds a handle which the process does not have?"""
    return bench.sent(FlatBinderObject(ObjectType.BINDER_TYPE_HANDLE, binder=99).pack(), (0,))


@probe("object.handle-weak-unknown")
def handle_weak_unknown(bench: Bench) -> object:
    """And a weak one?"""
    return bench.sent(FlatBinderObject(ObjectType.BINDER_TYPE_WEAK_HANDLE, binder=99).pack(), (0,))


@probe("object.handle-home")
def handle_home(bench: Bench) -> object:
    """May a process send the context manager handle 0, its own object?"""
    return bench.sent(FlatBinderObject(ObjectType.BINDER_TYPE_HANDLE, binder=0).pack(), (0,))


@probe("descriptor.bad")
def descriptor_bad(bench: Bench) -> object:
    """What is a call answered with that holds a descriptor which is not open?"""
    return bench.sent(_fd(999), (0,), flags=FDS)


@probe("descriptor.good")
def descriptor_good(bench: Bench) -> object:
    """And one that is?"""
    return bench.sent(_fd(1), (0,), flags=FDS)


@probe("descriptor.refused")
def descriptor_refused(bench: Bench) -> object:
    """May a reply hold a descriptor where the call did not accept any?"""
    bench.send()
    bench.received()
    with bench.pair.server_process.memory.allocate(4096) as memory:
        memory.write(0, _fd(1) + bytes(8))
        reply = commands.Reply(
            data_size=24, offsets_size=8, buffer=memory.address, offsets=memory.address + 24
        )
        replier = bench.with_error(exchange(bench.server, reply))
    return f"replier {replier}; caller {bench.with_error(drain(bench.client))}"


@probe("buffer-object.plain")
def plain(bench: Bench) -> object:
    """May a buffer object be sent with BC_TRANSACTION, which names no room for it?"""
    return bench.sent(_buffer(bench.page.address, 16), (0,))


@probe("buffer-object.empty")
def empty(bench: Bench) -> object:
    """And an empty one?"""
    return bench.sent(_buffer(bench.page.address, 0), (0,))


@probe("buffer-object.address")
def buffer_address(bench: Bench) -> object:
    """And one whose memory is not mapped?"""
    return bench.sent(_buffer(BAD_ADDRESS, 16), (0,))


@probe("buffer-object.parent-itself")
def parent_itself(bench: Bench) -> object:
    """And one whose parent is itself?"""
    return bench.sent(_buffer(bench.page.address, 0, BufferFlag.BINDER_BUFFER_FLAG_HAS_PARENT), (0,))


@probe("buffer-object.parent-unknown")
def parent_unknown(bench: Bench) -> object:
    """And one whose parent does not exist?"""
    flag = BufferFlag.BINDER_BUFFER_FLAG_HAS_PARENT
    return bench.sent(_buffer(bench.page.address, 0, flag, parent=7), (0,))


@probe("descriptor-array.no-parent")
def array_no_parent(bench: Bench) -> object:
    """What is a call answered with that holds an array of descriptors without a buffer?"""
    array = BinderFdArrayObject(ObjectType.BINDER_TYPE_FDA, 0, 1, 0, 0)
    return bench.sent(array.pack(), (0,), flags=FDS)


@probe("descriptor-array.many")
def array_many(bench: Bench) -> object:
    """And one of 2^63 descriptors?"""
    array = BinderFdArrayObject(ObjectType.BINDER_TYPE_FDA, 0, 1 << 63, 0, 0)
    return bench.sent(array.pack(), (0,), flags=FDS)


def _buffer(address: int, length: int, flags: BufferFlag = NO_FLAG, parent: int = 0) -> bytes:
    return BinderBufferObject(ObjectType.BINDER_TYPE_PTR, flags, address, length, parent).pack()
