"""Probes of the ioctls, and of what they do with bad arguments."""

from __future__ import annotations

from harness.agent.operations import SystemCall
from harness.binder.abi import commands
from harness.binder.abi.uapi import BinderIoctl
from harness.experiments.instruments.attempts import outcome
from harness.experiments.probes.bench import BAD_ADDRESS, Bench
from harness.experiments.probes.probe import probe

UNKNOWN = 0x4004627F
"""An ioctl of Binder's letter with a number that it does not use."""
MIB = 1 << 20


@probe("ioctl.version")
def version(bench: Bench) -> object:
    """What does BINDER_VERSION report?"""
    return bench.client.controls.version()


@probe("ioctl.version-address")
def version_address(bench: Bench) -> object:
    """What does BINDER_VERSION do with an address that is not mapped?"""
    return bench.ioctl(BinderIoctl.BINDER_VERSION, BAD_ADDRESS)


@probe("ioctl.unknown")
def unknown(bench: Bench) -> object:
    """What is the error for an ioctl that the driver does not know?"""
    return bench.ioctl(UNKNOWN, 0)


@probe("ioctl.idle-timeout")
def idle_timeout(bench: Bench) -> object:
    """Is BINDER_SET_IDLE_TIMEOUT, which the header has, implemented?"""
    return bench.ioctl(BinderIoctl.BINDER_SET_IDLE_TIMEOUT, bytes(8))


@probe("ioctl.idle-priority")
def idle_priority(bench: Bench) -> object:
    """Is BINDER_SET_IDLE_PRIORITY, which the header has, implemented?"""
    return bench.ioctl(BinderIoctl.BINDER_SET_IDLE_PRIORITY, bytes(4))


@probe("ioctl.max-threads")
def max_threads(bench: Bench) -> object:
    """May BINDER_SET_MAX_THREADS be any number?"""
    return bench.ioctl(BinderIoctl.BINDER_SET_MAX_THREADS, b"\xff" * 4)


@probe("ioctl.max-threads-address")
def max_threads_address(bench: Bench) -> object:
    """What does BINDER_SET_MAX_THREADS do with an address that is not mapped?"""
    return bench.ioctl(BinderIoctl.BINDER_SET_MAX_THREADS, BAD_ADDRESS)


@probe("ioctl.manager-twice")
def manager_twice(bench: Bench) -> None:
    """What is the error for a second context manager?"""
    bench.client.become_context_manager()


@probe("ioctl.manager-again")
def manager_again(bench: Bench) -> None:
    """What is the error for the context manager itself, once more?"""
    bench.server.become_context_manager(extended=True)


@probe("ioctl.manager-address")
def manager_address(bench: Bench) -> object:
    """What does BINDER_SET_CONTEXT_MGR_EXT do with an address that is not mapped?"""
    return bench.ioctl(BinderIoctl.BINDER_SET_CONTEXT_MGR_EXT, BAD_ADDRESS)


@probe("ioctl.thread-exit")
def thread_exit(bench: Bench) -> object:
    """May a thread that has never done anything leave with BINDER_THREAD_EXIT?"""
    return bench.ioctl(BinderIoctl.BINDER_THREAD_EXIT, bytes(4))


@probe("ioctl.thread-exit-twice")
def thread_exit_twice(bench: Bench) -> object:
    """And twice?"""
    bench.ioctl(BinderIoctl.BINDER_THREAD_EXIT, bytes(4))
    return bench.ioctl(BinderIoctl.BINDER_THREAD_EXIT, bytes(4))


@probe("ioctl.spam-detection")
def spam_detection(bench: Bench) -> None:
    """Can the detection of one-way spam be switched on?"""
    bench.client.controls.enable_oneway_spam_detection()


@probe("ioctl.spam-detection-value")
def spam_detection_value(bench: Bench) -> object:
    """Does it take another number than 0 and 1?"""
    return bench.ioctl(BinderIoctl.BINDER_ENABLE_ONEWAY_SPAM_DETECTION, (7).to_bytes(4, "little"))


@probe("ioctl.extended-error")
def extended_error(bench: Bench) -> object:
    """What does BINDER_GET_EXTENDED_ERROR report where nothing failed?"""
    error = bench.client.controls.extended_error()
    return f"id {'not 0' if error.id else '0'}, command {error.command:#x}, param {error.param}"


@probe("ioctl.extended-error-cleared")
def extended_error_cleared(bench: Bench) -> object:
    """Is a reported error gone the second time?"""
    bench.send(target=99)
    first, second = (bench.client.controls.extended_error() for _ in range(2))
    return f"first {first.command:#x} {first.param}, then {second.command:#x} {second.param}"


@probe("ioctl.extended-error-thread")
def extended_error_thread(bench: Bench) -> object:
    """Does another thread of the process see it?"""
    bench.send(target=99)
    error = bench.client.on_new_thread().controls.extended_error()
    return f"command {error.command:#x}, param {error.param}"


@probe("ioctl.child", trap="What a child did with an inherited file may fail.")
def child(bench: Bench) -> object:
    """May a forked child use the file that its parent opened?"""
    call = SystemCall(
        "ioctl", bench.client.descriptor, BinderIoctl.BINDER_SET_MAX_THREADS, bench.page.address
    )
    with bench.pair.client_process.fork(call) as forked:
        return outcome(forked.results[0])


@probe("write-read.empty")
def empty(bench: Bench) -> object:
    """What does a BINDER_WRITE_READ that neither writes nor reads do?"""
    return bench.write_read()


@probe("write-read.address")
def address(bench: Bench) -> object:
    """What does it do with an argument that is not mapped?"""
    return bench.ioctl(BinderIoctl.BINDER_WRITE_READ, BAD_ADDRESS)


@probe("write-read.write-address")
def write_address(bench: Bench) -> object:
    """And with commands at an address that is not mapped?"""
    return bench.write_read(write_size=4, write_buffer=BAD_ADDRESS)


@probe("write-read.read-address")
def read_address(bench: Bench) -> object:
    """And with a read buffer at an address that is not mapped?"""
    return bench.write_read(read_size=256, read_buffer=BAD_ADDRESS)


@probe("write-read.read-nothing", trap="A program that polls must take EAGAIN for an empty read.")
def read_nothing(bench: Bench) -> object:
    """What is returned where nothing is queued and the file is non-blocking?"""
    return bench.write_read(read_size=256, read_buffer=bench.page.address + 1024)


@probe("write-read.read-4")
def read_4(bench: Bench) -> object:
    """And with room for a single BR_NOOP?"""
    return bench.write_read(read_size=4, read_buffer=bench.page.address + 1024)


@probe("write-read.read-1")
def read_1(bench: Bench) -> object:
    """And with room for a single byte?"""
    return bench.write_read(read_size=1, read_buffer=bench.page.address + 1024)


@probe("write-read.consumed")
def consumed(bench: Bench) -> object:
    """What if more is consumed than there is to write?"""
    return bench.write_read(write_consumed=64, write_buffer=bench.page.address + 1024)


@probe("write-read.partial")
def partial(bench: Bench) -> object:
    """What if a command ends after two bytes?"""
    bench.page.write(1024, commands.EnterLooper().encode())
    return bench.write_read(write_size=2, write_buffer=bench.page.address + 1024)


@probe("write-read.no-argument")
def no_argument(bench: Bench) -> object:
    """What if a command has no room for its argument?"""
    bench.page.write(1024, commands.Acquire(0).encode())
    return bench.write_read(write_size=4, write_buffer=bench.page.address + 1024)


@probe("write-read.unknown")
def unknown_command(bench: Bench) -> object:
    """What if a command is unknown?"""
    bench.page.write(1024, UNKNOWN.to_bytes(4, "little"))
    return bench.write_read(write_size=4, write_buffer=bench.page.address + 1024)


@probe("write-read.unknown-after")
def unknown_after(bench: Bench) -> object:
    """How much is consumed where the second command is unknown?"""
    bench.page.write(1024, commands.EnterLooper().encode() + UNKNOWN.to_bytes(4, "little"))
    try:
        bench.write_read(write_size=8, write_buffer=bench.page.address + 1024)
    except OSError:
        consumed = int.from_bytes(bench.page.read(8, 8), "little")
    return f"write_consumed {consumed}"
