from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.architecture import AARCH64, X86_64, Architecture
from emulator.base.errors import UsageError
from harness.agent.errors import ProtocolError
from harness.agent.operations import (
    Check,
    Digest,
    Earlier,
    Fill,
    Operation,
    OperationResult,
    Read,
    Store,
    Stored,
    SystemCall,
    Word,
    Write,
)
from harness.agent.protocol import (
    MAX_OPERATIONS,
    MAX_PAYLOAD,
    PROTOCOL_VERSION,
    Frame,
    FrameDecoder,
    FrameKind,
    Hello,
    decode_hello,
    decode_results,
    decode_started,
    encode_batch,
)
from harness.agent.syscalls import SyscallNumber

NUMBERS = st.integers(0, 2**32 - 1)
SIZES = st.integers(0, 2**32 - 1)
WORDS = st.integers(0, 2**64 - 1)
STORED = st.builds(Stored, WORDS)
FRAMES = st.builds(Frame, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=64))
CALLS = st.builds(
    lambda syscall, arguments: SystemCall(syscall, *arguments),
    st.sampled_from([syscall for syscall in SyscallNumber if None not in syscall.value]),
    st.lists(WORDS | STORED, max_size=6),
)
OPERATIONS = (
    CALLS
    | st.builds(Read, WORDS, SIZES)
    | st.builds(Write, WORDS, st.binary(max_size=40))
    | st.builds(Fill, WORDS, SIZES, WORDS)
    | st.builds(Digest, WORDS, SIZES)
    | st.builds(Read, WORDS | STORED, STORED, SIZES)
    | st.builds(Store, WORDS | STORED, WORDS | STORED)
    | st.builds(Check, WORDS | STORED, WORDS | STORED, WORDS | STORED, st.sampled_from([4, 8]))
)


@st.composite
def batches(draw: st.DrawFn) -> list[Operation]:
    """Operations, some of whose first words refer to earlier ones."""
    batch: list[Operation] = []
    for index, operation in enumerate(draw(st.lists(OPERATIONS, max_size=8))):
        if index and isinstance(operation, SystemCall) and operation.arguments and draw(st.booleans()):
            earlier = Earlier(draw(st.integers(0, index - 1)))
            batch.append(SystemCall(operation.syscall, earlier, *operation.arguments[1:]))
        else:
            batch.append(operation)
    return batch


def read_batch(payload: bytes, architecture: Architecture) -> tuple[bool, list[Operation]]:
    """What the agent makes of a batch, after protocol.h."""
    flags, count = struct.unpack_from("<II", payload)
    offset = 8
    batch: list[Operation] = []
    names = {syscall.number(architecture): syscall for syscall in SyscallNumber if None not in syscall.value}
    for _ in range(count):
        kind, word_count, earlier, stored, size = struct.unpack_from("<BBBBI", payload, offset)
        assert earlier & stored == 0
        values = struct.unpack_from(f"<{word_count}Q", payload, offset + 8)
        offset += 8 + 8 * word_count
        words: list[Word] = [
            (Earlier if earlier >> bit & 1 else Stored if stored >> bit & 1 else int)(value)
            for bit, value in enumerate(values)
        ]
        match kind:
            case 1:
                batch.append(SystemCall(names[size], *words))
            case 2:
                batch.append(Read(words[0], words[1], size) if word_count == 2 else Read(words[0], size))
            case 3:
                batch.append(Write(words[0], payload[offset : offset + size]))
                offset += size
            case 4:
                batch.append(Fill(words[0], size, values[1]))
            case 5:
                batch.append(Digest(words[0], size))
            case 6:
                assert size == 8
                batch.append(Store(words[0], words[1]))
            case 7:
                batch.append(Check(words[0], words[1], words[2], size))
    assert offset == len(payload)
    return bool(flags & 1), batch


def results_frame(results: Sequence[OperationResult], child: int = 0, status: int = 0) -> Frame:
    """What the agent sends when it has run a batch, after protocol.h."""
    payload = struct.pack("<iII", child, status, len(results))
    for result in results:
        payload += struct.pack("<qQ", result.value, len(result.data)) + result.data
    return Frame(FrameKind.RESULTS, 1, 1, payload)


def hello_frame(
    *,
    magic: bytes = b"SYSAGENT",
    version: int = PROTOCOL_VERSION,
    pointer: int = 8,
    machine: bytes = b"x86_64",
) -> Frame:
    payload = struct.pack("<8sIIIII16sII", magic, version, pointer, 4096, 100, 2000, machine, 101, 102)
    return Frame(FrameKind.HELLO, 0, 0, payload)


@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(1, 50)))
def test_frames_survive_any_division_of_the_stream(frames: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(frame.encode() for frame in frames)
    decoder = FrameDecoder()
    received: list[Frame] = []
    for cut in cuts:
        received += decoder.feed(stream[:cut])
        stream = stream[cut:]
    received += decoder.feed(stream)
    assert received == frames
    assert decoder.unfinished == b""


def test_the_received_part_of_an_unfinished_frame_is_kept() -> None:
    decoder = FrameDecoder()
    assert list(decoder.feed(b"sh: not found\n")) == []
    assert decoder.unfinished == b"sh: not found\n"


def test_a_frame_over_the_limit_is_refused_at_its_header() -> None:
    with pytest.raises(ProtocolError, match=r"exceeds the limit.*CANNOT LINK EXECUTABLE"):
        list(FrameDecoder().feed(b"CANNOT LINK EXECUTABLE"))


@given(batches(), st.sampled_from([X86_64, AARCH64]), st.booleans())
def test_batches_arrive_as_they_were_meant(
    batch: list[Operation], architecture: Architecture, keep_going: bool
) -> None:
    payload = encode_batch(batch, architecture, keep_going=keep_going).payload
    assert read_batch(payload, architecture) == (keep_going, batch)


def test_negative_words_become_twos_complement() -> None:
    payload = encode_batch([SystemCall("openat", -100, 0)], X86_64, keep_going=False).payload
    assert read_batch(payload, X86_64)[1] == [SystemCall("openat", 2**64 - 100, 0)]


@pytest.mark.parametrize(
    ("batch", "problem"),
    [
        ([SystemCall("getpid")] * (MAX_OPERATIONS + 1), "exceeds the limit of 1024"),
        ([SystemCall("mmap", *range(7))], "7 arguments"),
        ([SystemCall("close", Earlier(0))], "not earlier"),
        ([SystemCall("getpid"), SystemCall("close", Earlier(-1))], "not earlier"),
        ([Read(2**64, 1)], "64 bits"),
        ([Read(-(2**63) - 1, 1)], "64 bits"),
        ([Read(0, -1)], "-1 bytes"),
        ([Digest(0, 2**32)], "4 GiB"),
        ([Write(0, bytes(MAX_PAYLOAD))], "split it"),
    ],
)
def test_what_no_agent_would_accept_is_refused_here(batch: list[Operation], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        encode_batch(batch, X86_64, keep_going=False)


@given(batches())
def test_no_answer_is_larger_than_predicted(batch: list[Operation]) -> None:
    read = sum(each.largest for each in batch if isinstance(each, Read))
    digested = sum(16 for each in batch if isinstance(each, Digest))
    without_data = results_frame([OperationResult(each, 0) for each in batch]).encode()
    encoded = encode_batch(batch, X86_64, keep_going=False)
    assert encoded.answer_size == len(without_data) + read + digested


@pytest.mark.parametrize(
    ("batch", "prompt"),
    [
        ([], True),
        ([SystemCall("getppid"), SystemCall("mmap"), SystemCall("gettid")], True),
        ([SystemCall("getppid"), SystemCall("ioctl", 3), SystemCall("gettid")], False),
        ([Read(0, 40_000), Write(0, bytes(20_000)), Digest(0, 5_000)], True),
        ([Read(0, 40_000), Write(0, bytes(20_000)), Digest(0, 6_000)], False),
        ([Fill(0, 65_536, 1)], True),
        ([Fill(0, 65_537, 1)], False),
    ],
)
def test_a_batch_is_prompt_where_nothing_waits_and_little_is_touched(
    batch: list[Operation], prompt: bool
) -> None:
    assert encode_batch(batch, X86_64, keep_going=False).prompt is prompt


@given(st.data(), st.integers(0, 2**31 - 1), NUMBERS)
def test_results_come_back_with_their_operations(data: st.DataObject, child: int, status: int) -> None:
    batch = data.draw(batches())
    executed = data.draw(st.integers(0, len(batch)))
    values = st.integers(-(2**63), 2**63 - 1)
    results = [
        OperationResult(operation, data.draw(values), data.draw(st.binary(max_size=20)))
        for operation in batch[:executed]
    ]
    decoded = decode_results(results_frame(results, child, status), batch)
    assert (decoded.results, decoded.child, decoded.child_status) == (results, child, status)


def test_a_fork_that_failed_is_an_os_error() -> None:
    with pytest.raises(BlockingIOError, match="could not fork"):
        decode_results(results_frame([], child=-11), [])


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "expected the results of a batch"),
        (struct.pack("<iII", 0, 0, 2), "2 results of a batch of 1 operations"),
        (struct.pack("<iII", 0, 0, 1), "end before getpid"),
        (struct.pack("<iIIqQ", 0, 0, 1, 0, 1), "end inside the 1 bytes of getpid"),
        (struct.pack("<iIIqQ", 0, 0, 1, 0, 0) + b"x", "1 bytes follow"),
    ],
)
def test_malformed_results_are_named(payload: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        decode_results(Frame(FrameKind.RESULTS, 1, 1, payload), [SystemCall("getpid")])


@given(st.binary(max_size=80), st.sampled_from(FrameKind))
def test_no_payload_breaks_a_decoder(payload: bytes, kind: FrameKind) -> None:
    frame = Frame(kind, 1, 1, payload)
    for decode in (
        decode_hello,
        decode_started,
        lambda frame: decode_results(frame, [Read(0, 1), SystemCall("getpid")]),
    ):
        with contextlib.suppress(ProtocolError, OSError):  # what the callers are prepared for
            decode(frame)


def test_the_hello_identifies_the_process() -> None:
    assert decode_hello(hello_frame(machine=b"aarch64")) == Hello(100, 2000, AARCH64, 4096, (101, 102))


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (hello_frame(magic=b"SYSADMIN"), "SYSADMIN"),
        (hello_frame(version=PROTOCOL_VERSION - 1), "version 5.*push the agent of this release"),
        (hello_frame(pointer=4), "4-byte"),
        (hello_frame(machine=b"riscv64"), "riscv64"),
        (Frame(FrameKind.RESULTS, 0, 0, hello_frame().payload), "not a valid HELLO"),
        (Frame(FrameKind.HELLO, 0, 0, b""), "not a valid HELLO"),
    ],
)
def test_only_an_agent_of_this_version_is_accepted(frame: Frame, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        decode_hello(frame)


def test_a_started_thread_has_an_id_or_an_error() -> None:
    assert decode_started(Frame(FrameKind.STARTED, 1, 77, struct.pack("<i", 0))) == 77
    with pytest.raises(BlockingIOError):
        decode_started(Frame(FrameKind.STARTED, 1, 0, struct.pack("<i", -11)))


def test_a_failed_result_raises_what_its_number_stands_for() -> None:
    with pytest.raises(PermissionError, match=r"ioctl\(3\): EPERM"):
        OperationResult(SystemCall("ioctl", 3), -1).checked()
    address = OperationResult(SystemCall("mmap"), -4096)
    assert address.checked() is address
