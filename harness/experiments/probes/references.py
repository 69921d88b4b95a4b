"""Probes of references, of the counts that a node's owner keeps, and of death notifications."""

from __future__ import annotations

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.binder import Node, Parcel
from harness.binder.abi import commands
from harness.experiments.instruments.non_blocking import drain, exchange
from harness.experiments.probes.bench import Bench, shown
from harness.experiments.probes.probe import probe

UNKNOWN = 99
"""A handle that the client does not have."""
OBJECT = Node(ptr=0x1000, cookie=1)
OTHER = Node(ptr=0x2000, cookie=2)
COOKIE = 0xD1
SECONDS = 5.0


@probe("ref.increfs-unknown")
def increfs_unknown(bench: Bench) -> object:
    """What does BC_INCREFS do with a handle that the process does not have?"""
    return bench.write(commands.Increfs(UNKNOWN))


@probe("ref.acquire-unknown")
def acquire_unknown(bench: Bench) -> object:
    """And BC_ACQUIRE?"""
    return bench.write(commands.Acquire(UNKNOWN))


@probe("ref.release-unknown")
def release_unknown(bench: Bench) -> object:
    """And BC_RELEASE?"""
    return bench.write(commands.Release(UNKNOWN))


@probe("ref.decrefs-unknown")
def decrefs_unknown(bench: Bench) -> object:
    """And BC_DECREFS?"""
    return bench.write(commands.Decrefs(UNKNOWN))


@probe("ref.release-more")
def release_more(bench: Bench) -> object:
    """What does a BC_RELEASE too many do?"""
    exchange(bench.client, commands.Acquire(0), commands.Release(0))
    return bench.write(commands.Release(0))


@probe("ref.decrefs-more")
def decrefs_more(bench: Bench) -> object:
    """And a BC_DECREFS too many?"""
    return bench.write(commands.Decrefs(0), commands.Decrefs(0))


@probe("ref.owner-hears")
def owner_hears(bench: Bench) -> object:
    """What does a node's owner read when another process gets its first reference?"""
    exchange(bench.client, commands.Transaction(target=0))
    call = bench.received()
    reply = bench.server.ioctls.payloads.load(commands.Reply(), Parcel().node(OBJECT))
    returned = exchange(bench.server, commands.FreeBuffer(call.buffer), reply)
    return shown((*returned, *drain(bench.server)))


@probe("ref.owner-hears-the-end")
def owner_hears_the_end(bench: Bench) -> object:
    """And when that process drops the last one?"""
    handle = bench.handle_on(OBJECT)
    exchange(bench.server, commands.IncrefsDone(OBJECT.ptr, OBJECT.cookie))
    exchange(bench.server, commands.AcquireDone(OBJECT.ptr, OBJECT.cookie))
    exchange(bench.client, commands.Release(handle), commands.Decrefs(handle))
    return shown(drain(bench.server))


@probe("ref.handles")
def handles(bench: Bench) -> object:
    """Which numbers do the first handles have?"""
    return (bench.handle_on(OBJECT), bench.handle_on(OTHER))


@probe("ref.handle-again")
def handle_again(bench: Bench) -> object:
    """Does a node get the same handle twice in one process?"""
    return (bench.handle_on(OBJECT), bench.handle_on(OBJECT))


@probe("ref.done-nothing")
def done_nothing(bench: Bench) -> object:
    """What does BC_INCREFS_DONE do for a node that there is not?"""
    return bench.write(commands.IncrefsDone(OBJECT.ptr, OBJECT.cookie))


@probe("ref.acquire-done-nothing")
def acquire_done_nothing(bench: Bench) -> object:
    """And BC_ACQUIRE_DONE?"""
    return bench.write(commands.AcquireDone(OBJECT.ptr, OBJECT.cookie))


@probe("ref.cookie", trap="An object that was freed and made again at one address has another cookie.")
def cookie(bench: Bench) -> object:
    """May a node be sent again with another cookie?"""
    bench.handle_on(OBJECT)
    exchange(bench.client, commands.Transaction(target=0))
    bench.received()
    changed = Parcel().node(Node(OBJECT.ptr, OBJECT.cookie + 1))
    exchange(bench.server, bench.server.ioctls.payloads.load(commands.Reply(), changed))
    return bench.with_error(drain(bench.client))


@probe("node.debug-info")
def debug_info(bench: Bench) -> object:
    """Which nodes of its own does BINDER_GET_NODE_DEBUG_INFO show a process that shares one?"""
    bench.handle_on(OBJECT)
    nodes = bench.server.controls.node_debug_info()
    return [f"ptr {node.ptr:#x} strong {node.has_strong_ref} weak {node.has_weak_ref}" for node in nodes]


@probe("node.debug-info-none")
def debug_info_none(bench: Bench) -> object:
    """And one that has none?"""
    return list(bench.client.controls.node_debug_info())


@probe("node.info-for-ref")
def info_for_ref(bench: Bench) -> object:
    """May a process that is no context manager ask BINDER_GET_NODE_INFO_FOR_REF?"""
    return bench.client.controls.node_info_for_ref(0)


@probe(
    "node.info-for-ref-unknown", trap="Programs that look for EINVAL take another error for an unknown one."
)
def info_for_ref_unknown(bench: Bench) -> object:
    """What does it answer the context manager about a handle that it does not have?"""
    return bench.server.controls.node_info_for_ref(UNKNOWN)


@probe("death.unknown")
def death_unknown(bench: Bench) -> object:
    """What does a request for a death notification do with a handle that is not known?"""
    return bench.write(commands.RequestDeathNotification(UNKNOWN, COOKIE))


@probe("death.twice")
def death_twice(bench: Bench) -> object:
    """And a second one for the same handle?"""
    exchange(bench.client, commands.Acquire(0), commands.RequestDeathNotification(0, COOKIE))
    return bench.write(commands.RequestDeathNotification(0, COOKIE + 1))


@probe("death.clear")
def death_clear(bench: Bench) -> object:
    """What does taking it back bring to a looper?"""
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0))
    exchange(bench.client, commands.RequestDeathNotification(0, COOKIE))
    exchange(bench.client, commands.ClearDeathNotification(0, COOKIE))
    return shown(drain(bench.client))


@probe("death.clear-no-looper", trap="A thread that never entered the looper may wait for ever.")
def death_clear_no_looper(bench: Bench) -> object:
    """And to a thread that is no looper?"""
    exchange(bench.client, commands.Acquire(0), commands.RequestDeathNotification(0, COOKIE))
    return bench.write(commands.ClearDeathNotification(0, COOKIE))


@probe("death.clear-cookie")
def death_clear_cookie(bench: Bench) -> object:
    """What does taking it back do with another cookie?"""
    exchange(bench.client, commands.Acquire(0), commands.RequestDeathNotification(0, COOKIE))
    return bench.write(commands.ClearDeathNotification(0, COOKIE + 1))


@probe("death.clear-nothing")
def death_clear_nothing(bench: Bench) -> object:
    """And without a request?"""
    return bench.write(commands.Acquire(0), commands.ClearDeathNotification(0, COOKIE))


@probe("death.done-nothing")
def death_done_nothing(bench: Bench) -> object:
    """What does BC_DEAD_BINDER_DONE do that acknowledges nothing?"""
    return bench.write(commands.DeadBinderDone(COOKIE))


def _await(bench: Bench) -> str:
    try:
        return shown(Deadline(SECONDS).poll(lambda: drain(bench.client), "a death notification"))
    except TimeLimitError:
        return "nothing"


@probe("death.looper")
def death_looper(bench: Bench) -> object:
    """What does a looper read when the owner dies?"""
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0))
    exchange(bench.client, commands.RequestDeathNotification(0, COOKIE))
    bench.pair.server_process.kill()
    return _await(bench)


@probe("death.no-looper", trap="A thread that never entered the looper may wait for ever.")
def death_no_looper(bench: Bench) -> object:
    """And a thread that is no looper, within 5 s?"""
    exchange(bench.client, commands.Acquire(0), commands.RequestDeathNotification(0, COOKIE))
    bench.pair.server_process.kill()
    return _await(bench)


@probe("death.too-late")
def death_too_late(bench: Bench) -> object:
    """What does a request after the death bring to a looper?"""
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0))
    exchange(bench.client, commands.RequestDeathNotification(0, COOKIE))
    bench.pair.server_process.kill()
    _await(bench)
    exchange(bench.client, commands.ClearDeathNotification(0, COOKIE), commands.DeadBinderDone(COOKIE))
    drain(bench.client)
    exchange(bench.client, commands.RequestDeathNotification(0, COOKIE + 1))
    return _await(bench)


@probe("death.call")
def death_call(bench: Bench) -> object:
    """What does a caller of a dead process get?"""
    exchange(bench.client, commands.EnterLooper(), commands.Acquire(0))
    exchange(bench.client, commands.RequestDeathNotification(0, COOKIE))
    bench.pair.server_process.kill()
    _await(bench)
    return bench.sent()
