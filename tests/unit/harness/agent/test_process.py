from __future__ import annotations

import errno
import os
import re
import signal
import struct
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.errors import AgentDiedError
from harness.agent.exit_status import ExitStatus
from harness.agent.operations import Earlier, Operation, Read, SystemCall, Write
from harness.agent.process import RemoteProcess
from harness.binder.abi.uapi import BinderIoctl
from tests.support.agent_support import SubprocessStream

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_process_has_the_identity_that_the_kernel_shows(
    agent: RemoteProcess, agent_stream: SubprocessStream
) -> None:
    assert agent.pid == agent_stream.process.pid
    assert agent.uid == os.getuid()
    assert agent.page_size == os.sysconf("SC_PAGESIZE")
    assert agent.architecture.name == os.uname().machine
    assert agent.main.tid != agent.pid


def test_each_thread_is_one(agent: RemoteProcess) -> None:
    threads = [agent.start_thread() for _ in range(3)]
    assert [thread.syscall("gettid") for thread in threads] == [thread.tid for thread in threads]
    assert len({agent.main.tid, *(thread.tid for thread in threads)}) == 4


def test_closing_ends_the_process_although_a_thread_is_blocked(agent_stream: SubprocessStream) -> None:
    with RemoteProcess.start(agent_stream) as agent:
        blocked = agent.main.submit(SystemCall("ppoll", 0, 0, 0, 0))
    assert agent_stream.process.poll() == 0
    with pytest.raises(AgentDiedError, match="exited with status 0"):
        blocked.result()
    agent.close()


def test_a_stopped_process_is_closed_by_a_kill_from_outside(agent_stream: SubprocessStream) -> None:
    with RemoteProcess.start(agent_stream, kill=os.kill) as agent:
        os.kill(agent.pid, signal.SIGSTOP)
    assert agent_stream.process.poll() == -signal.SIGKILL


@pytest.mark.parametrize("deadly", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT])
def test_death_by_a_signal_is_reported_to_who_waits(agent: RemoteProcess, deadly: signal.Signals) -> None:
    blocked = agent.main.submit(SystemCall("ppoll", 0, 0, 0, 0))
    assert agent.kill(deadly) == ExitStatus(signal=deadly)
    with pytest.raises(AgentDiedError, match=f"was killed by {deadly.name}") as caught:
        blocked.result(Deadline(1))
    assert caught.value.exit_status == ExitStatus(signal=deadly)
    with pytest.raises(AgentDiedError, match=deadly.name):
        agent.syscall("getpid")
    assert agent.kill() == ExitStatus(signal=deadly)


def test_a_fault_outside_of_a_memory_operation_is_deadly(agent: RemoteProcess) -> None:
    with pytest.raises(AgentDiedError, match="SIGSEGV"):
        agent.syscall("rt_sigreturn")


def test_a_program_that_takes_its_place_does_not_die_of_its_input(
    agent: RemoteProcess, agent_stream: SubprocessStream
) -> None:
    """The agent's input was watched when it called execve, and is the program's."""
    memory = agent.memory.allocate(64)
    memory.write(0, b"/bin/cat\0")
    memory.write(16, struct.pack("<3Q", memory.address, 0, 0))
    agent.main.submit(SystemCall("execve", memory.address, memory.address + 16, memory.address + 24))
    name = Path(f"/proc/{agent.pid}/comm")
    Deadline(5).poll(lambda: name.read_text() == "cat\n", "cat in the place of the agent")
    agent_stream.send(b"input")
    agent_stream.close_input()
    assert agent_stream.process.wait(5) == 0


def test_an_exit_code_is_reported(agent: RemoteProcess) -> None:
    with pytest.raises(AgentDiedError, match="exited with status 7"):
        agent.syscall("exit_group", 7)
    assert agent.wait() == ExitStatus(code=7)


def test_waiting_for_the_end_has_a_deadline(agent: RemoteProcess) -> None:
    with pytest.raises(TimeLimitError, match=f"the end of process {agent.pid}"):
        agent.wait(Deadline(0.01))


def test_a_program_that_does_not_start_reports_the_reason() -> None:
    with pytest.raises(AgentDiedError, match=r"status 3.*no agent here"):
        RemoteProcess.start(SubprocessStream("sh", "-c", "echo no agent here >&2; exit 3"))


def test_a_program_without_output_is_ended() -> None:
    stream = SubprocessStream("sleep", "60")
    with pytest.raises(TimeLimitError, match="agent's hello"):
        RemoteProcess.start(stream, deadline=Deadline(0.05))
    assert stream.process.poll() == -signal.SIGKILL


@as_root
def test_a_process_may_be_somebody_else(agent_path: Path) -> None:
    stream = SubprocessStream(agent_path, "--uid", "10123", "--gid", "10124")
    with RemoteProcess.start(stream) as agent, agent.memory.allocate(12) as ids:
        assert agent.uid == 10123
        agent.syscall("getresuid", ids.address, ids.address + 4, ids.address + 8)
        assert struct.unpack("<3I", ids.read()) == (10123,) * 3
        agent.syscall("getresgid", ids.address, ids.address + 4, ids.address + 8)
        assert struct.unpack("<3I", ids.read()) == (10124,) * 3
        status = Path(f"/proc/{agent.pid}/status").read_text()
        assert "Groups:\t \n" in status
        with pytest.raises(PermissionError):
            agent.syscall("setresuid", 0, 0, 0)


def test_all_threads_of_a_process_may_stay_on_one_processor(agent_path: Path) -> None:
    processor = max(os.sched_getaffinity(0))
    with RemoteProcess.start(SubprocessStream(agent_path, "--processor", str(processor))) as agent:
        agent.start_thread()
        threads = [int(thread.name) for thread in Path(f"/proc/{agent.pid}/task").iterdir()]
        assert len(threads) == 4
        assert {*map(frozenset, map(os.sched_getaffinity, threads))} == {frozenset({processor})}


@pytest.mark.parametrize("processor", ["1023", "1024", "4294967294"])
def test_a_processor_that_is_not_there_is_not_insisted_on(agent_path: Path, processor: str) -> None:
    with RemoteProcess.start(SubprocessStream(agent_path, "--processor", processor)) as agent:
        assert os.sched_getaffinity(agent.pid) == os.sched_getaffinity(0)


@as_root
def test_limits_of_the_process_reach_the_caller(agent_path: Path) -> None:
    with RemoteProcess.start(SubprocessStream(agent_path, "--uid", "10123")) as agent:
        number_of_processes = 6
        agent.syscall("prlimit64", 0, number_of_processes, struct.pack("<QQ", 0, 0), 0)
        with pytest.raises(BlockingIOError, match="could not fork"):
            agent.fork(SystemCall("getpid"))
        with pytest.raises(BlockingIOError, match="could not start another thread"):
            agent.start_thread()
        assert agent.syscall("getuid") == 10123


def test_a_forked_child_runs_its_batch_and_stays(agent: RemoteProcess) -> None:
    with agent.fork(
        SystemCall("getpid"), SystemCall("getppid"), SystemCall("close", -1), SystemCall("getpid")
    ) as child:
        assert [result.value for result in child.results] == [child.pid, agent.pid, -errno.EBADF]
        assert child.exit_status is None
        assert not is_gone(child.pid)
        assert agent.syscall("getpid") == agent.pid
    assert not Path(f"/proc/{child.pid}").exists()
    child.close()


def test_a_forked_child_has_a_copy_of_the_memory(agent: RemoteProcess) -> None:
    with agent.memory.allocate(10) as buffer:
        buffer.write(0, b"the parent")
        with agent.fork(
            Read(buffer.address, 10), Write(buffer.address, b"the child!"), Read(buffer.address, 10)
        ) as child:
            assert [result.data for result in child.results] == [b"the parent", b"", b"the child!"]
        assert buffer.read() == b"the parent"


def test_a_forked_child_has_descriptors_but_not_the_agents_stream(agent: RemoteProcess) -> None:
    descriptor = agent.syscall("memfd_create", b"shared", 0)
    with agent.fork(SystemCall("pwrite64", descriptor, 0, 0, 0), SystemCall("fcntl", 1, 3, 0)) as child:
        assert [result.errno for result in child.results] == [0, 0]
        assert os.readlink(f"/proc/{child.pid}/fd/{descriptor}").startswith("/memfd:shared")
        streams = [os.readlink(f"/proc/{agent.pid}/fd/{number}") for number in (0, 1)]
        assert os.readlink(f"/proc/{child.pid}/fd/0") not in streams
        assert os.readlink(f"/proc/{child.pid}/fd/1") not in streams


def test_large_results_of_a_child_arrive(agent: RemoteProcess) -> None:
    size = 4 * 1024 * 1024
    with agent.memory.allocate(size) as buffer:
        buffer.fill(3)
        with agent.fork(Read(buffer.address, size)) as child:
            assert child.results[0].data == buffer.read()


@pytest.mark.parametrize(
    "operations",
    [
        pytest.param([], id="same user"),
        pytest.param([SystemCall("setresuid", 10123, 10123, 10123)], id="another user", marks=as_root),
    ],
)
def test_a_forked_child_dies_with_its_parent(agent: RemoteProcess, operations: list[Operation]) -> None:
    child = agent.fork(*operations)
    agent.kill()
    Deadline(5).poll(lambda: is_gone(child.pid), "the end of the child")
    child.close()


def test_a_child_that_dies_in_its_batch_has_an_exit_status(agent: RemoteProcess) -> None:
    with agent.fork(
        SystemCall("getpid"), SystemCall("kill", Earlier(0), signal.SIGKILL), SystemCall("getpid")
    ) as child:
        assert child.exit_status == ExitStatus(signal=signal.SIGKILL)
        assert [result.value for result in child.results] == [child.pid]
    with agent.fork(SystemCall("exit_group", 5)) as child:
        assert child.exit_status == ExitStatus(code=5)
        assert child.results == []


def test_a_child_blocked_in_its_batch_is_interrupted_at_the_deadline(agent: RemoteProcess) -> None:
    with pytest.raises(TimeLimitError, match="ppoll on thread"):
        agent.fork(SystemCall("ppoll", 0, 0, 0, 0), deadline=Deadline(0.1))
    assert agent.syscall("getpid", deadline=Deadline(5)) == agent.pid


def test_children_of_several_threads_do_not_hold_up_one_another(agent: RemoteProcess) -> None:
    other = agent.start_thread()
    with agent.fork(SystemCall("getppid")) as child:
        outcome = other.fork(SystemCall("exit_group", 0))
        assert ExitStatus.from_wait(outcome.child_status) == ExitStatus(code=0)
        assert child.results[0].value == agent.pid


def test_a_process_shows_its_name_and_its_end(agent: RemoteProcess) -> None:
    assert repr(agent) == f"<RemoteProcess {agent.pid}>"
    agent.rename("server of the test")
    assert Path(f"/proc/{agent.pid}/comm").read_text() == "server of the t\n", "as long as the kernel takes"
    assert repr(agent) == f"<RemoteProcess {agent.pid} server of the test>"
    assert repr(agent.memory) == f"<RemoteMemory of process {agent.pid}>"
    assert re.fullmatch(r"<RemoteBuffer of 4,096 bytes at 0x[0-9a-f]+>", repr(agent.memory.allocate(4096)))
    agent.kill()
    assert repr(agent) == f"<RemoteProcess {agent.pid} server of the test, was killed by SIGKILL>"


def test_a_failed_call_names_what_it_was_given(agent: RemoteProcess) -> None:
    paths = {b"no/such file": "'no/such file'", b"\x1b\x00": "2 bytes", b"x" * 300: "300 bytes"}
    paths |= {b"/none\0": "'/none'", b"\x01": "1 byte"}
    for path, shown in paths.items():
        with pytest.raises(OSError, match=re.escape(f"unlinkat(-100, {shown}, 0): E")):
            agent.syscall("unlinkat", -100, path, 0)
    with pytest.raises(OSError, match=re.escape("ioctl(0, BINDER_SET_CONTEXT_MGR, 4 bytes): E")):
        agent.syscall("ioctl", 0, BinderIoctl.BINDER_SET_CONTEXT_MGR, bytes(4))
