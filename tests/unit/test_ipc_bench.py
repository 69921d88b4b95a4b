"""The program that measures Binder beside other ways, on this machine: what it refuses and leaves behind."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base.architecture import architecture_named
from emulator.base.deadline import Deadline
from emulator.build.agents import ipc_bench

WITHIN = 20.0
IS_ROOT = os.geteuid() == 0
UNPRIVILEGED = ("setpriv", "--bounding-set", "-sys_admin") if IS_ROOT else ()
"""How a command begins that may make no namespace of its own."""
Busy = tuple[subprocess.Popen[bytes], list[int], list[str]]


@pytest.fixture(scope="module")
def program() -> Path:
    return ipc_bench(architecture_named(platform.machine()))


def run(program: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=WITHIN, check=False)


def test_help_is_no_error(program: Path) -> None:
    result = run(program, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage:")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["pipe", "--callz", "3"], "callz"),
        (["pipe", "--calls"], "calls"),
        (["pipe", "-x"], "x"),
        (["pipe", "--bytes", "1048577"], "1048577"),
        (["pipe", "--one-way", "--clients", "3", "--bytes", "400000"], "exceeds 1048576 bytes in all"),
    ],
)
def test_what_makes_no_sense_is_refused(program: Path, words: list[str], problem: str) -> None:
    result = run(program, *words)
    assert (result.returncode, result.stdout) == (os.EX_USAGE, "")
    assert problem in result.stderr.partition("usage:")[0]


@pytest.mark.parametrize(("clients", "size"), [(1, 1 << 20), (3, 65536), (3, 349525), (64, 0)])
def test_one_way_messages_of_all_clients_arrive(program: Path, clients: int, size: int) -> None:
    words = ["--one-way", "--calls", "20", "--clients", str(clients), "--bytes", str(size)]
    assert run(program, "pipe", *words).stdout.split()[0] == str(20 * clients)


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def queues_of(processes: list[int]) -> list[str]:
    """The System V queues that one of these last sent to or received from."""
    rows = [line.split() for line in Path("/proc/sysvipc/msg").read_text().splitlines()[1:]]
    return [row[1] for row in rows if {int(row[5]), int(row[6])} & set(processes)]


@pytest.fixture
def busy(program: Path) -> Iterator[Busy]:
    """A run that takes long and may make no namespace, its children, and its queue."""
    command = [*UNPRIVILEGED, str(program), "queue", "--calls", "1048576"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            deadline = Deadline(WITHIN)
            queues = deadline.poll(lambda: queues_of(children(process.pid)), "a queue in use")
            yield process, children(process.pid), queues
        finally:
            process.terminate()


@pytest.mark.parametrize(
    "number", [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM]
)
def test_a_signal_leaves_no_queue_behind(busy: Busy, number: signal.Signals) -> None:
    process, processes, queues = busy
    assert len(queues) == 1
    process.send_signal(number)
    assert process.communicate(timeout=WITHIN) == (b"", b"")
    assert process.returncode == -number
    assert queues_of(processes) == []


@pytest.mark.parametrize(("which", "name"), [(0, "the server"), (1, "a client")])
def test_a_failure_is_told_and_leaves_no_queue_behind(busy: Busy, which: int, name: str) -> None:
    process, processes, queues = busy
    assert len(queues) == 1
    os.kill(processes[which], signal.SIGKILL)
    # And no errno, which was of something else.
    assert process.communicate(timeout=WITHIN)[1].decode() == f"ipc_bench: {name} has failed\n"
    assert process.returncode != 0
    assert queues_of(processes) == []


def ipc_namespaces() -> set[Path]:
    """Those that processes of this machine are in."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found.add((process / "ns" / "ipc").readlink())
    return found


def test_a_process_that_fails_at_the_start_is_not_waited_for(program: Path) -> None:
    command = [str(program), "pipe", "--calls", "1048576", "--clients", "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        server = Deadline(WITHIN).poll(lambda: children(process.pid), "its first child", interval=0.0)[0]
        os.kill(server, signal.SIGKILL)
        assert process.communicate(timeout=WITHIN)[1] == b"ipc_bench: the server has failed\n"
        assert process.returncode != 0


@pytest.mark.skipif(not IS_ROOT, reason="needs root, which a namespace takes")
def test_not_even_a_kill_leaves_a_queue_behind(program: Path) -> None:
    before = ipc_namespaces()
    command = [str(program), "queue", "--hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"holding\n"
            assert len(ipc_namespaces() - before) == 1
        finally:
            process.kill()
    Deadline(WITHIN).poll(lambda: ipc_namespaces() <= before, "the end of the namespace, queue and all")
