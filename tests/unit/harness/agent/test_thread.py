from __future__ import annotations

import errno
import random
import signal
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.agent.operations import (
    Check,
    Earlier,
    Operation,
    Read,
    Store,
    Stored,
    SystemCall,
    Write,
    map_anonymous,
)
from harness.agent.process import RemoteProcess
from harness.agent.protocol import encode_batch
from harness.agent.syscalls import SyscallNumber
from harness.agent.thread import PendingBatch, RemoteThread
from tests.support.agent_support import SubprocessStream


def make_pipe(agent: RemoteProcess) -> tuple[int, int]:
    with agent.memory.allocate(8) as buffer:
        agent.syscall("pipe2", buffer.address, 0)
        data = buffer.read()
    return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")


def sleep_for_ever(thread: RemoteThread) -> PendingBatch:
    return thread.submit(SystemCall("ppoll", 0, 0, 0, 0))


def test_a_call_returns_its_value(agent: RemoteProcess) -> None:
    assert agent.syscall("getpid") == agent.pid
    assert agent.main.syscall("gettid") == agent.main.tid


def test_a_failed_call_raises_its_own_error(agent: RemoteProcess) -> None:
    with pytest.raises(FileNotFoundError, match=r"openat\(-100, '/no/such/file', 0\): ENOENT"):
        agent.syscall("openat", -100, b"/no/such/file", 0)
    with pytest.raises(UsageError, match="no_such_call"):
        agent.syscall("no_such_call")


def test_bytes_are_passed_by_address_in_one_round_trip(
    agent: RemoteProcess, agent_stream: SubprocessStream
) -> None:
    descriptor = agent.syscall("memfd_create", b"the name", 0)
    sent_before = len(agent_stream.sent)
    assert agent.syscall("pwrite64", descriptor, b"content", 7, 0) == 7
    assert len(agent_stream.sent) == sent_before + 1
    target = agent.memory.allocate(100)
    length = agent.syscall("readlinkat", -100, f"/proc/self/fd/{descriptor}".encode(), target.address, 100)
    assert target.read()[:length] == b"/memfd:the name (deleted)"
    agent.syscall("pread64", descriptor, target.address, 7, 0)
    assert target.read(0, 7) == b"content"


def test_several_and_large_arguments_find_room(agent: RemoteProcess) -> None:
    descriptor = agent.syscall("memfd_create", b"x", 0)
    large = bytes(range(256)) * 1024
    assert agent.syscall("pwrite64", descriptor, large, len(large), 0) == len(large)
    with pytest.raises(FileNotFoundError):
        agent.syscall("symlinkat", b"a" * 1000, -100, b"/no/such/directory/link")
    assert agent.syscall("pwrite64", descriptor, b"", 0, 0) == 0
    target = agent.memory.allocate(len(large))
    assert agent.syscall("pread64", descriptor, target.address, len(large), 0) == len(large)
    assert target.read() == large


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000))
def test_the_stream_is_clean_to_every_byte(agent: RemoteProcess, data: bytes) -> None:
    with agent.memory.allocate(max(len(data), 1)) as buffer:
        written, read = agent.main.batch(Write(buffer.address, data), Read(buffer.address, len(data)))
    assert (written.value, read.value, read.data) == (len(data), len(data), data)


def test_a_batch_stops_at_the_first_failure(agent: RemoteProcess) -> None:
    results = agent.main.batch(SystemCall("getpid"), SystemCall("close", -1), SystemCall("getpid"))
    assert [result.value for result in results] == [agent.pid, -errno.EBADF]
    assert [result.errno for result in results] == [0, errno.EBADF]


def test_a_batch_can_keep_going(agent: RemoteProcess) -> None:
    results = agent.main.batch(SystemCall("close", -1), Read(8, 8), SystemCall("getpid"), keep_going=True)
    assert [result.value for result in results] == [-errno.EBADF, -errno.EFAULT, agent.pid]


def test_an_operation_uses_what_an_earlier_one_returned(agent: RemoteProcess) -> None:
    opened, mapped, written, read, closed = agent.main.batch(
        SystemCall("memfd_create", agent.memory.allocate(8).address, 0),
        SystemCall("mmap", 0, 4096, 3, 0x22, -1, 0),
        Write(Earlier(1), b"hello"),
        Read(Earlier(1), 5),
        SystemCall("close", Earlier(0)),
    )
    assert opened.value >= 3
    assert mapped.value % agent.page_size == 0
    assert (written.value, read.data, closed.value) == (5, b"hello", 0)


def test_an_operation_is_not_run_on_the_error_of_an_earlier_one(agent: RemoteProcess) -> None:
    results = agent.main.batch(
        SystemCall("dup", -1), SystemCall("kill", Earlier(0), 9), SystemCall("getpid"), keep_going=True
    )
    assert [result.value for result in results] == [-errno.EBADF, -errno.ECANCELED, agent.pid]


def test_a_batch_reads_what_the_memory_refers_to(agent: RemoteProcess) -> None:
    with agent.memory.allocate(4096) as buffer:
        place = buffer.address
        buffer.write(0, struct.pack("<QQ", place + 100, 5))
        buffer.write(100, b"hello, world")
        read, store, copied, nothing = agent.main.batch(
            Read(Stored(place), Stored(place + 8), 64),
            Store(place + 16, Stored(place)),
            Read(place + 16, 8),
            Read(place, Stored(place + 24), 64),
        )
        assert (read.value, read.data) == (5, b"hello")
        assert (store.value, copied.data) == (8, struct.pack("<Q", place + 100))
        assert (nothing.value, nothing.data) == (0, b"")


def test_a_size_over_its_limit_and_a_bad_address_are_errors(agent: RemoteProcess) -> None:
    with agent.memory.allocate(4096) as buffer:
        buffer.write(0, struct.pack("<Q", 65))
        results = agent.main.batch(
            Read(buffer.address, Stored(buffer.address), 64),
            Read(buffer.address, Stored(8), 64),
            SystemCall("kill", Stored(8), 9),
            Store(Stored(8), 1),
            Check(8, 0, 0),
            SystemCall("getpid"),
            keep_going=True,
        )
        assert [result.errno for result in results] == [errno.EMSGSIZE, *[errno.EFAULT] * 4]


@pytest.mark.parametrize("others", [0, 1])
def test_who_runs_a_batch_that_may_block_reads_the_next_one_itself(agent: RemoteProcess, others: int) -> None:
    """The agent's first thread, which reads where nobody else does, is not woken."""
    for _ in range(others):
        sleep_for_ever(agent.start_thread())
    call = SystemCall("sched_yield")
    assert not encode_batch([call], agent.architecture, keep_going=False).prompt
    woken = set()
    for _ in range(20):
        agent.main.batch(call)
        Deadline(5).poll(lambda: sleeps_in(agent, agent.main.tid, "read"), "the reading of the next batch")
        Deadline(5).poll(lambda: sleeps_in(agent, agent.pid, "rt_sigtimedwait"), "the first thread's rest")
        woken.add(status(agent, agent.pid, "voluntary_ctxt_switches"))
    assert len(woken) == 1


def sleeps_in(agent: RemoteProcess, tid: int, syscall: str) -> bool:
    """Whether a thread waits in this system call, as proc_pid_syscall(5) shows it."""
    number = SyscallNumber[syscall].number(agent.architecture)
    return Path(f"/proc/{agent.pid}/task/{tid}/syscall").read_text().startswith(f"{number} ")


def status(agent: RemoteProcess, tid: int, field: str) -> str:
    """What the kernel shows of a thread."""
    lines = Path(f"/proc/{agent.pid}/task/{tid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)[field]


@pytest.mark.parametrize(
    ("lowest", "highest", "size", "goes_on"),
    [
        (7, 7, 4, True),
        (0, 2**32 - 1, 4, True),
        (8, 9, 4, False),
        (0, 6, 4, False),
        (7, 7, 8, False),
        ((1 << 63 | 7), 2**64 - 1, 8, True),
        (9, 5, 4, False),
    ],
)
def test_a_check_ends_a_batch_that_keeps_going(
    agent: RemoteProcess, lowest: int, highest: int, size: int, goes_on: bool
) -> None:
    with agent.memory.allocate(8) as buffer:
        buffer.write(0, (1 << 63 | 7).to_bytes(8, "little"))
        results = agent.main.batch(
            Check(buffer.address, lowest, highest, size), SystemCall("getpid"), keep_going=True
        )
    assert [result.errno for result in results] == ([0, 0] if goes_on else [errno.ERANGE])


def test_a_blocked_thread_blocks_nobody_else(agent: RemoteProcess) -> None:
    reading_end, writing_end = make_pipe(agent)
    target = agent.memory.allocate(20)
    threads = [agent.start_thread() for _ in range(20)]
    blocked = [
        thread.submit(SystemCall("read", reading_end, target.address + index, 1))
        for index, thread in enumerate(threads)
    ]
    assert agent.syscall("getpid") == agent.pid
    assert target.read() == bytes(20)
    assert not any(pending.done for pending in blocked)
    agent.syscall("write", writing_end, bytes(range(1, 21)), 20)
    assert [pending.result()[0].value for pending in blocked] == [1] * 20
    assert sorted(target.read()) == list(range(1, 21))


@pytest.mark.parametrize("call", ["read", "ppoll", "futex", "nanosleep"])
def test_a_blocked_call_can_be_interrupted(agent: RemoteProcess, call: str) -> None:
    word = agent.memory.allocate(16)
    word.write(0, (1000).to_bytes(8, "little"))
    arguments = {
        "read": (make_pipe(agent)[0], word.address + 8, 1),
        "ppoll": (0, 0, 0, 0),
        "futex": (word.address, 0, 1000, 0),
        "nanosleep": (word.address, 0),
    }[call]
    pending = agent.main.submit(SystemCall(call, *arguments))
    pending.interrupt()
    assert [result.value for result in pending.result()] == [-errno.EINTR]


def test_interrupting_loses_no_race_with_the_start_of_a_call(agent: RemoteProcess) -> None:
    for _ in range(200):
        pending = sleep_for_ever(agent.main)
        pending.interrupt()
        assert pending.result()[0].errno == errno.EINTR


def test_interrupting_what_is_over_does_nothing(agent: RemoteProcess) -> None:
    over = agent.main.submit(SystemCall("getpid"))
    assert over.result()[0].value == agent.pid
    blocked = sleep_for_ever(agent.main)
    over.interrupt()
    over.interrupt_once()
    assert agent.start_thread().syscall("getpid") == agent.pid
    assert not blocked.done
    blocked.interrupt()


def test_a_batch_waits_for_the_one_before_it_and_is_not_interrupted_in_its_place(
    agent: RemoteProcess,
) -> None:
    first, second = sleep_for_ever(agent.main), agent.main.submit(SystemCall("getpid"))
    with pytest.raises(TimeLimitError, match="interrupting getpid"):
        second.interrupt(Deadline(0.05))
    assert not first.done
    first.interrupt()
    assert second.result()[0].value == agent.pid


def test_ctrl_c_frees_the_thread(agent: RemoteProcess) -> None:
    reading_end, _ = make_pipe(agent)
    user = threading.get_ident()

    def press_when_blocked() -> None:
        Deadline(5).poll(lambda: agent.main.connection._receiver, "one who receives", interval=0.001)
        signal.pthread_kill(user, signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        pressing = pool.submit(press_when_blocked)
        with pytest.raises(KeyboardInterrupt):
            agent.syscall("read", reading_end, 0, 1)
        pressing.result(5)
    assert agent.syscall("getpid", deadline=Deadline(5)) == agent.pid


def test_a_time_limit_names_call_and_thread_and_frees_the_thread(agent: RemoteProcess) -> None:
    reading_end, _ = make_pipe(agent)
    with pytest.raises(
        TimeLimitError, match=rf"read on thread {agent.main.tid} of process {agent.pid}.*0\.05 s"
    ):
        agent.syscall("read", reading_end, 0, 1, deadline=Deadline(0.05))
    assert agent.syscall("getpid", deadline=Deadline(5)) == agent.pid


def test_a_pending_batch_survives_a_time_limit(agent: RemoteProcess) -> None:
    pending = sleep_for_ever(agent.main)
    with pytest.raises(TimeLimitError, match="ppoll on thread"):
        pending.result(Deadline(0.01))
    assert not pending.done
    pending.interrupt()
    assert pending.result()[0].errno == errno.EINTR


def test_prompt_and_blocking_batches_of_several_threads_hold_up_each_other_in_no_order(
    agent: RemoteProcess,
) -> None:
    """Any thread may read the input; the others receive their own requests."""
    threads = [agent.main, *(agent.start_thread() for _ in range(3))]
    chance = random.Random(6)
    for _ in range(300):
        sleepers = chance.sample(threads, chance.randrange(3))
        blocked = [sleep_for_ever(thread) for thread in sleepers]
        free = [thread for thread in threads if thread not in sleepers]
        # One batch cannot block, and is run by whoever reads; the other could, and is not.
        sent = [
            (
                thread,
                thread.submit(
                    SystemCall("gettid") if chance.random() < 0.5 else SystemCall("ioctl", -1, 0, 0)
                ),
            )
            for thread in chance.choices(free, k=5)
        ]
        for thread, pending in chance.sample(sent, len(sent)):
            assert pending.result()[0].value in (thread.tid, -errno.EBADF)
        for pending in blocked:
            pending.interrupt()
            assert pending.result()[0].errno == errno.EINTR


@pytest.mark.parametrize("unreceived", [[Read(0, 60_000)] * 8, [SystemCall("getppid")] * 4000])
def test_answers_that_nobody_receives_do_not_keep_the_agent_from_reading(
    agent: RemoteProcess, agent_stream: SubprocessStream, unreceived: list[Operation]
) -> None:
    data = bytes(1 << 20)
    address = agent.main.batch(map_anonymous(len(data)))[0].checked().value
    batches = [Read(address, each.size) if isinstance(each, Read) else each for each in unreceived]

    def submit_all() -> list[PendingBatch]:
        return [agent.main.submit(each) for each in (*batches, Write(address, data))]

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(submit_all)
        try:
            sent = future.result(20)
        except TimeoutError:
            agent_stream.process.kill()  # or the sender would never end
            raise
    for pending in sent:
        pending.result()[0].checked()
