"""Probes of calls, one-way calls and replies: what their sender is told, and what arrives."""

from __future__ import annotations

from harness.binder.abi import commands, returns
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.instruments.non_blocking import drain, exchange, only
from harness.experiments.probes.bench import BAD_ADDRESS, MAPPING, Bench, shown
from harness.experiments.probes.probe import probe

ONE_WAY = TransactionFlag.TF_ONE_WAY


@probe("call.first")
def first(bench: Bench) -> object:
    """What does a thread's first ioctl return that sends a call?"""
    return bench.sent()


@probe("call.second")
def second(bench: Bench) -> object:
    """And that of a later call?"""
    exchange(bench.client, commands.EnterLooper())
    return bench.sent()


@probe("call.unknown-handle", trap="Programs that look for EINVAL take another error for an unknown one.")
def unknown_handle(bench: Bench) -> object:
    """What is a call to a handle answered with that the process does not have?"""
    return bench.sent(target=99)


@probe("call.itself")
def itself(bench: Bench) -> object:
    """What does the context manager get that calls handle 0, itself?"""
    return bench.write(commands.Transaction(target=0), end=bench.server)


@probe("call.while-waiting", trap="Programs that look for EPROTO take another error for an unknown one.")
def while_waiting(bench: Bench) -> object:
    """What does a thread get that calls again before it has its reply?"""
    bench.send()
    return bench.sent()


@probe("call.too-large")
def too_large(bench: Bench) -> object:
    """What is a call answered with that is larger than the receiver's mapping?"""
    return bench.sent(data_size=2 * MAPPING)


@probe("call.huge")
def huge(bench: Bench) -> object:
    """And one of nearly 2^64 bytes?"""
    return bench.sent(data_size=(1 << 64) - 16)


@probe("call.data-address")
def data_address(bench: Bench) -> object:
    """What is a call answered with whose data is not mapped?"""
    return bench.sent(buffer=BAD_ADDRESS, data_size=64)


@probe("call.offsets-address")
def offsets_address(bench: Bench) -> object:
    """And one whose offsets are not mapped?"""
    command = commands.Transaction(
        target=0, data_size=64, buffer=bench.page.address, offsets_size=8, offsets=BAD_ADDRESS
    )
    return bench.with_error(exchange(bench.client, command))


@probe("call.offsets-size")
def offsets_size(bench: Bench) -> object:
    """And one whose offsets are no whole number of words?"""
    return bench.sent(bytes(64), offsets_size=7)


@probe("call.data-unaligned")
def data_unaligned(bench: Bench) -> object:
    """Is a call of 13 bytes taken?"""
    return bench.sent(bytes(13))


@probe("call.flags")
def flags(bench: Bench) -> object:
    """Is a call taken whose flags have an unknown bit?"""
    return bench.sent(flags=0x8000)


@probe("call.flags-received")
def flags_received(bench: Bench) -> object:
    """Does the receiver see that bit?"""
    bench.send(flags=0x8000)
    return f"{int(bench.received().flags):#x}"


@probe("call.status-flag")
def status_flag(bench: Bench) -> object:
    """Does the receiver see TF_STATUS_CODE of a call?"""
    bench.send(flags=TransactionFlag.TF_STATUS_CODE)
    return f"{int(bench.received().flags):#x}"


@probe("call.clear-flag")
def clear_flag(bench: Bench) -> object:
    """And TF_CLEAR_BUF?"""
    bench.send(flags=TransactionFlag.TF_CLEAR_BUF)
    return f"{int(bench.received().flags):#x}"


@probe("call.code")
def code(bench: Bench) -> object:
    """Does the code arrive, also one above 24 bits?"""
    bench.send(code=0xFFFFFFFF)
    return f"{bench.received().code:#x}"


@probe("call.sender")
def sender(bench: Bench) -> object:
    """Does the receiver of a call get the sender's process id?"""
    bench.send()
    return bench.received().sender_pid == bench.pair.client_process.pid


@probe("call.sender-one-way")
def sender_one_way(bench: Bench) -> object:
    """And of a one-way call?"""
    bench.send(flags=ONE_WAY)
    pid = bench.received().sender_pid
    return "the sender's" if pid == bench.pair.client_process.pid else pid


@probe("call.no-looper", trap="A thread that never entered the looper may wait for ever.")
def no_looper(bench: Bench) -> object:
    """Is a call delivered to a thread that is no looper?"""
    bench.send()
    return bench.write(end=bench.server)


@probe("call.second-thread")
def second_thread(bench: Bench) -> object:
    """And to a second thread that is one?"""
    bench.send()
    return bench.write(commands.EnterLooper(), end=bench.server.on_new_thread())


@probe("reply.none")
def reply_none(bench: Bench) -> object:
    """What does BC_REPLY do on a thread that has no call?"""
    return bench.with_error(exchange(bench.client, commands.Reply()))


@probe("reply.to-one-way")
def reply_to_one_way(bench: Bench) -> object:
    """And on one that has a one-way call?"""
    bench.send(flags=ONE_WAY)
    bench.received()
    return bench.write(commands.Reply(), end=bench.server)


@probe("reply.returns")
def reply_returns(bench: Bench) -> object:
    """What does a replier get?"""
    bench.send()
    bench.received()
    return bench.write(commands.Reply(), end=bench.server)


@probe("reply.received")
def reply_received(bench: Bench) -> object:
    """What does the caller get?"""
    exchange(bench.client, commands.EnterLooper())
    bench.send()
    bench.received()
    exchange(bench.server, commands.Reply())
    return shown(drain(bench.client))


@probe("reply.too-large")
def reply_too_large(bench: Bench) -> object:
    """What do replier and caller get where the caller's mapping has no room?"""
    bench.send()
    bench.received()
    replier = bench.write(commands.Reply(data_size=4 << 20, buffer=BAD_ADDRESS), end=bench.server)
    return f"replier {replier}; caller {bench.with_error(drain(bench.client))}"


@probe("reply.bad-address")
def reply_bad_address(bench: Bench) -> object:
    """And where the reply's data is not mapped?"""
    bench.send()
    bench.received()
    replier = bench.write(commands.Reply(data_size=64, buffer=BAD_ADDRESS), end=bench.server)
    return f"replier {replier}; caller {bench.with_error(drain(bench.client))}"


@probe("reply.callee-dies")
def callee_dies(bench: Bench) -> object:
    """What does a caller get whose callee leaves with BINDER_THREAD_EXIT?"""
    bench.send()
    bench.received()
    bench.server.main.thread_exit()
    return bench.with_error(drain(bench.client))


@probe("one-way.returns")
def one_way_returns(bench: Bench) -> object:
    """What does the sender of a one-way call get?"""
    return bench.sent(flags=ONE_WAY)


@probe("one-way.unknown-handle", trap="Programs that look for EINVAL take another error for an unknown one.")
def one_way_unknown_handle(bench: Bench) -> object:
    """And of one to a handle that the process does not have?"""
    return bench.sent(target=99, flags=ONE_WAY)


@probe("one-way.half")
def one_way_half(bench: Bench) -> object:
    """What is a one-way call answered with that is larger than half of the mapping?"""
    with bench.pair.client_process.memory.allocate(MAPPING) as memory:
        return bench.sent(flags=ONE_WAY, data_size=MAPPING // 2 + 4096, buffer=memory.address)


@probe("one-way.order")
def one_way_order(bench: Bench) -> object:
    """Is a second one-way call to a node delivered before the first one's buffer is free?"""
    exchange(bench.server, commands.EnterLooper())
    bench.send(flags=ONE_WAY)
    bench.send(flags=ONE_WAY)
    return shown(drain(bench.server))


@probe("one-way.next")
def one_way_next(bench: Bench) -> object:
    """And after that buffer is freed, in the same ioctl?"""
    exchange(bench.server, commands.EnterLooper())
    bench.send(flags=ONE_WAY)
    bench.send(flags=ONE_WAY)
    call = only(returns.Transaction, drain(bench.server))
    return bench.write(commands.FreeBuffer(call.buffer), end=bench.server)


@probe("one-way.spam")
def one_way_spam(bench: Bench) -> object:
    """After how many unread one-way calls of 1 KiB is a sender told that it sends too much?"""
    bench.server.controls.enable_oneway_spam_detection()
    bench.client.controls.enable_oneway_spam_detection()
    for count in range(1, 80):
        told = bench.sent(bytes(1024), flags=ONE_WAY)
        if told != "BR_TRANSACTION_COMPLETE":
            return f"{count}: {told}"
    return "never"
