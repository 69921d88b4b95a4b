"""The agent itself, spoken to without the client."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.base.architecture import architecture_named
from harness.agent.operations import (
    Check,
    Digest,
    Earlier,
    Fill,
    Operation,
    Read,
    Store,
    Stored,
    SystemCall,
    Write,
)
from harness.agent.protocol import (
    END_OF_INPUT,
    MAX_PAYLOAD,
    Frame,
    FrameDecoder,
    FrameKind,
    decode_hello,
    encode_batch,
)

HERE = architecture_named(platform.machine())
NOBODY = 65534
EX_OK = 0
EX_USAGE = 64
EX_DATAERR = 65
EX_NOPERM = 77


def talk(agent: Path, data: bytes) -> tuple[int, list[Frame]]:
    """Send all of `data`, then the end; the exit status and every frame that came back."""
    finished = subprocess.run([agent], input=data, capture_output=True, timeout=10, check=False)
    decoder = FrameDecoder()
    frames = list(decoder.feed(finished.stdout))
    assert decoder.unfinished == b""
    assert finished.stderr == b""
    return finished.returncode, frames


def batch(*operations: Operation, kind: FrameKind = FrameKind.BATCH) -> bytes:
    return Frame(kind, 1, 1, encode_batch(operations, HERE, keep_going=False).payload).encode()


def test_it_greets_and_ends_with_its_input(agent_path: Path) -> None:
    status, frames = talk(agent_path, b"")
    assert status == EX_OK
    hello = decode_hello(frames[0])
    assert (hello.architecture, hello.page_size, hello.uid) == (HERE, os.sysconf("SC_PAGESIZE"), os.getuid())
    assert len(frames) == 1


def test_it_ends_with_the_end_frame(agent_path: Path) -> None:
    status, frames = talk(agent_path, END_OF_INPUT + b"what follows is not read")
    assert status == EX_OK
    assert [frame.kind for frame in frames] == [FrameKind.HELLO]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["extra"],
        ["--uid"],
        ["--uid", "root"],
        ["--gid", "-1"],
        ["--uid", "4294967295"],
        ["--processor", "first"],
    ],
)
def test_wrong_arguments_show_the_usage(agent_path: Path, arguments: list[str]) -> None:
    finished = subprocess.run(
        [agent_path, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert finished.returncode == EX_USAGE
    assert "usage: syscall_agent" in finished.stderr
    assert finished.stdout == ""


def test_help_is_no_error(agent_path: Path) -> None:
    finished = subprocess.run([agent_path, "--help"], capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (EX_OK, "")
    assert "--uid NUMBER" in finished.stdout


def test_a_user_it_may_not_become_is_refused(agent_path: Path) -> None:
    # Through a descriptor, as the directories above may be closed to others.
    with agent_path.open("rb") as executable:
        finished = subprocess.run(
            [f"/proc/self/fd/{executable.fileno()}", "--uid", "0"],
            user=NOBODY if os.getuid() == 0 else None,
            pass_fds=[executable.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    assert finished.returncode == EX_NOPERM
    assert "Operation not permitted" in finished.stderr


def header(size: int, kind: int, request: int = 1) -> bytes:
    return b"".join(number.to_bytes(4, "little") for number in (size, kind, request, 1))


def changed(data: bytes, position: int, value: int) -> bytes:
    return data[:position] + bytes([value]) + data[position + 1 :]


FIRST_OPERATION = 16 + 8
EARLIER_BITS = FIRST_OPERATION + 2
STORED_BITS = FIRST_OPERATION + 3
SECOND_STORED_BITS = STORED_BITS + 8


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "unknown frame kind"),
        (header(0, FrameKind.HELLO), "unknown frame kind 128"),
        (header(MAX_PAYLOAD + 1, FrameKind.BATCH), "8388609 bytes exceeds the limit of 8388608"),
        (header(0, FrameKind.START_THREAD, request=0), "request number 0"),
        (header(0, FrameKind.BATCH)[:-1], "ended inside a frame's header"),
        (header(9, FrameKind.BATCH) + b"12345678", "ended inside a frame of 9 bytes"),
        (header(4, FrameKind.START_THREAD) + b"1234", "kind 1 takes no payload"),
        (header(0, FrameKind.INTERRUPT), "the interrupt is for thread 1, which does not exist"),
        (batch(SystemCall("getpid")), "the batch is for thread 1, which does not exist"),
        (header(7, FrameKind.BATCH) + bytes(7), "without a header"),
        (changed(batch(), 16, 2), "unknown flags"),
        (changed(batch(), 16 + 5, 0x10), "too many operations"),
        (changed(batch(), 16 + 4, 1), "truncated"),
        (changed(batch(SystemCall("getpid")), FIRST_OPERATION, 0), "of an unknown kind"),
        (changed(batch(SystemCall("getpid")), FIRST_OPERATION, 8), "of an unknown kind"),
        (changed(batch(SystemCall("getpid")), FIRST_OPERATION + 1, 7), "too many words"),
        (changed(batch(Read(0, 1)), FIRST_OPERATION, 4), "wrong number of words"),
        (changed(batch(Write(0, b"data")), FIRST_OPERATION + 4, 5), "truncated"),
        (changed(batch(Write(0, b"data")), FIRST_OPERATION + 4, 3), "after its last operation"),
        (changed(batch(SystemCall("getpid")), EARLIER_BITS, 1), "unknown bits"),
        (changed(batch(SystemCall("getpid")), STORED_BITS, 1), "unknown bits"),
        (changed(batch(SystemCall("getpid"), Read(Earlier(0), 1)), SECOND_STORED_BITS, 1), "unknown bits"),
        (changed(batch(Check(0, 0, 0)), FIRST_OPERATION, 2), "wrong number of words"),
        (changed(batch(Store(0, 0)), FIRST_OPERATION + 4, 4), "a word of a wrong size"),
        (changed(batch(Check(0, 0, 0)), FIRST_OPERATION + 4, 2), "a word of a wrong size"),
        (batch(Read(0, Stored(0), MAX_PAYLOAD)), "would not fit one frame"),
        (changed(batch(SystemCall("close", 0)), EARLIER_BITS, 1), "refers to none before it"),
        (batch(Read(0, MAX_PAYLOAD)), "would not fit one frame"),
        (batch(*[Read(0, 2**32 - 1)] * 1024), "would not fit one frame"),
    ],
)
def test_what_makes_no_sense_is_named(agent_path: Path, data: bytes, problem: str) -> None:
    status, frames = talk(agent_path, data)
    assert status == EX_DATAERR
    assert frames[-1].kind == FrameKind.ERROR
    assert problem in frames[-1].payload.decode()


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=100))
def test_garbage_never_crashes_it(agent_path: Path, data: bytes) -> None:
    status, frames = talk(agent_path, data)
    assert status == (EX_DATAERR if data else EX_OK)
    assert [frame.kind for frame in frames[1:]] == ([FrameKind.ERROR] if data else [])


BATCH = batch(
    SystemCall("mmap", 0, 1),
    Write(Earlier(0), b"data"),
    Fill(1, 2, 3),
    Read(4, 5),
    Digest(6, 7),
    Store(8, Stored(9)),
    Check(Stored(10), 11, Earlier(1)),
    Read(Earlier(2), Stored(12), 13),
)


@settings(max_examples=150, deadline=None)
@given(position=st.integers(16, len(BATCH) - 1), value=st.integers(0, 255), kept=st.integers(16, len(BATCH)))
def test_no_damage_to_a_batch_crashes_it(agent_path: Path, position: int, value: int, kept: int) -> None:
    # No thread has been started, so nothing of what the damage makes is ever run.
    payload = changed(BATCH, position, value)[16:kept]
    status, frames = talk(agent_path, Frame(FrameKind.BATCH, 1, 1, payload).encode())
    assert status == EX_DATAERR
    assert frames[-1].kind == FrameKind.ERROR


def test_frames_may_come_byte_by_byte(agent_path: Path) -> None:
    with subprocess.Popen([agent_path], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for byte in header(0, FrameKind.START_THREAD, request=9):
            process.stdin.write(bytes([byte]))
        process.stdin.flush()
        decoder = FrameDecoder()
        frames: list[Frame] = []
        while len(frames) < 2:
            frames += decoder.feed(process.stdout.read(100))
        process.stdin.close()
        assert process.wait(10) == EX_OK
    assert (frames[1].kind, frames[1].request) == (FrameKind.STARTED, 9)
    assert frames[1].thread != process.pid
