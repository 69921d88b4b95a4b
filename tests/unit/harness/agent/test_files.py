"""Files through an agent that runs on this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.files import CHUNK_SIZE, FIRST_SIZE, MOST_PIECES, READ_SIZE, AgentFiles, names_in
from harness.agent.operations import Operation, OperationResult
from harness.agent.process import RemoteProcess
from harness.agent.thread import RemoteThread
from tests.support.agent_support import SubprocessStream

SIZES = [
    0,
    1,
    FIRST_SIZE,
    FIRST_SIZE + 1,
    READ_SIZE,
    READ_SIZE + 1,
    CHUNK_SIZE + FIRST_SIZE,
    2 * CHUNK_SIZE + 7,
]


@pytest.fixture
def files(agent: RemoteProcess) -> AgentFiles:
    return AgentFiles(lambda: agent)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_is_read_whole_and_in_part(files: AgentFiles, tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert files.read_bytes(str(path)) == content
    for offset, wanted in ((0, size), (1, size), (size // 2, 100), (size, 1), (0, 0)):
        assert files.read_at(str(path), offset, wanted) == content[offset : offset + wanted]


def test_a_file_in_proc_that_comes_in_pieces_is_read_to_its_end(
    files: AgentFiles, agent: RemoteProcess
) -> None:
    with agent.memory.allocate(600 * 4096) as pages:
        for page in range(0, 600, 2):  # as many mappings, with a line of text each
            agent.syscall("mprotect", pages.address + page * 4096, 4096, 0)
        lines = files.read_text(f"/proc/{agent.pid}/maps").splitlines()
    starts = [int(line.partition("-")[0], 16) for line in lines]
    assert [start for start in starts if pages.address <= start < pages.address + pages.size] == list(
        range(pages.address, pages.address + pages.size, 4096)
    )


def test_a_small_file_takes_one_round_trip(
    files: AgentFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("short")
    assert files.exists(str(tmp_path)), "the first use allocates buffers"
    batches: list[object] = []
    batch = RemoteThread.batch

    def counted(self: RemoteThread, *operations: Operation, **options: Any) -> list[OperationResult]:
        batches.append(operations)
        return batch(self, *operations, **options)

    monkeypatch.setattr(RemoteThread, "batch", counted)
    assert files.read_text(str(tmp_path / "file")) == "short"
    files.write_text(str(tmp_path / "file"), "long")
    assert files.list_directory(str(tmp_path)) == ["file"]
    assert len(batches) == 3


def test_directories_of_any_size_are_listed(files: AgentFiles, tmp_path: Path) -> None:
    names = sorted(f"a file with a rather long name, number {number}" for number in range(3000))
    for name in names:
        (tmp_path / name).touch()
    assert files.list_directory(str(tmp_path)) == names


def test_writing_replaces_or_appends(files: AgentFiles, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("something longer")
    files.write_text(str(path), "new")
    files.write_text(str(path), " and more", append=True)
    assert path.read_text() == "new and more"


def test_errors_carry_errno_and_path_and_leave_nothing_open(
    files: AgentFiles, agent: RemoteProcess, tmp_path: Path
) -> None:
    before = agent.syscall("dup", 0)
    agent.syscall("close", before)
    missing, directory = str(tmp_path / "missing"), str(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        files.read_bytes(missing)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, missing)
    for failing in (
        lambda: files.read_bytes(directory),
        lambda: files.read_at(directory, 0, 10),
        lambda: files.write_text(directory, "text"),
        lambda: files.list_directory(missing),
        lambda: files.read_link(directory),
        lambda: files.remove_directory(missing),
        lambda: files.write_text("/dev/full", "text"),
    ):
        with pytest.raises(OSError, match=r"Errno"):
            failing()
    assert agent.syscall("dup", 0) == before


def test_links_and_existence(files: AgentFiles, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("over there")
    assert files.read_link(str(link)) == "over there"
    assert files.exists(os.fspath(tmp_path))
    assert not files.exists(str(link))


def test_an_agent_that_was_killed_is_started_anew(agent_path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with contextlib.ExitStack() as stack:
        started: list[RemoteProcess] = []

        def start() -> RemoteProcess:
            stream = stack.enter_context(contextlib.closing(SubprocessStream(agent_path)))
            started.append(RemoteProcess.start(stream))
            return started[-1]

        files = AgentFiles(start)
        assert started == [], "before the first use"
        for expected in (1, 2, 3):
            assert files.read_text(str(tmp_path / "file")) == "content"
            assert files.list_directory(str(tmp_path)) == ["file"]
            assert len(started) == expected
            started[-1].kill(signal.SIGKILL)


@given(st.binary(max_size=200))
def test_a_directory_of_any_records_comes_to_an_end(records: bytes) -> None:
    with contextlib.suppress(OSError):
        assert len(list(names_in(records))) <= len(records)


def test_a_record_of_no_length_is_an_error() -> None:
    with pytest.raises(OSError, match="record without a name"):
        list(names_in(bytes(24)))


def test_pipes_are_read_in_pieces_without_waiting(files: AgentFiles, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one", "other")]
    for path in paths:
        os.mkfifo(path)
    ends = [os.open(path, os.O_RDWR) for path in paths]
    try:
        with files.pipes([str(path) for path in paths], 100) as (one, other):
            assert one(8) == []
            os.write(ends[0], b"a" * 250)
            assert one(2) == [b"a" * 100, b"a" * 100]
            assert one(2) == [b"a" * 50]
            assert other(1) == []
            os.write(ends[1], b"b" * 100 + b"c" * 7)
            assert other(MOST_PIECES + 1) == [b"b" * 100, b"c" * 7]
    finally:
        for end in ends:
            os.close(end)


def test_a_pipe_that_never_ends_is_read_in_parts(files: AgentFiles) -> None:
    with files.pipes(["/dev/zero"], 16) as (zeros,):
        assert zeros(1000) == [bytes(16)] * MOST_PIECES


def test_a_file_without_an_end_is_refused(files: AgentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.agent.files.LARGEST", 10 * CHUNK_SIZE)
    with pytest.raises(OSError, match="/dev/zero") as refused:
        files.read_bytes("/dev/zero")
    assert refused.value.errno == errno.EFBIG
    assert len(files.read_at("/dev/zero", 0, 100)) == 100


def test_a_file_that_is_not_complete_in_time_is_given_up(files: AgentFiles, tmp_path: Path) -> None:
    fifo = tmp_path / "never"
    os.mkfifo(fifo)
    with pytest.raises(TimeLimitError):
        files.read_text(str(fifo), deadline=Deadline(0.1))
    assert files.read_text("/proc/self/comm")
