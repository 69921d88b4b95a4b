"""The frames between Python and the agent: pure functions from values to bytes and back.

device_agents/syscall_agent/protocol.h describes the same frames for the agent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from emulator.base.architecture import Architecture, architecture_named
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
from harness.agent.syscalls import NON_BLOCKING

PROTOCOL_VERSION = 6
MAGIC = b"SYSAGENT"
MAX_PAYLOAD = 8 * 1024 * 1024
"""Bytes that may follow a frame's header."""
MAX_OPERATIONS = 1024
"""Operations in one batch."""
MAX_WORDS = 6
"""Arguments of a system call."""

_HEADER = struct.Struct("<IIII")
_HELLO = struct.Struct("<8sIIIII16sII")
_STARTED = struct.Struct("<i")
_BATCH = struct.Struct("<II")
_OPERATIONS = [struct.Struct(f"<BBBBI{count}Q") for count in range(MAX_WORDS + 1)]
"""By the number of words."""
_RESULTS = struct.Struct("<iII")
_ANSWER = struct.Struct("<qQ")
_KEEP_GOING = 1
_PROMPT_SIZE = 64 * 1024
"""Bytes of memory that an operation accesses without noticeable delay."""
_DIGEST_SIZE = 16
_WORD_SIZE = 8


class FrameKind(IntEnum):
    """The kind of a frame."""

    START_THREAD = 1
    BATCH = 2
    FITTING_BATCH = 3
    PROMPT_BATCH = 4
    FORK = 5
    INTERRUPT = 6
    END = 7
    HELLO = 128
    STARTED = 129
    RESULTS = 130
    ERROR = 131


class OperationKind(IntEnum):
    """The kind of an operation in a batch."""

    CALL = 1
    READ = 2
    WRITE = 3
    FILL = 4
    DIGEST = 5
    STORE = 6
    CHECK = 7


class Frame(NamedTuple):
    """One frame; an answer repeats the number of its `request`."""

    kind: int
    request: int
    thread: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The frame's bytes."""
        return _HEADER.pack(len(self.payload), self.kind, self.request, self.thread) + self.payload


END_OF_INPUT = Frame(FrameKind.END, 0, 0).encode()
"""Makes the agent exit if its input cannot be closed."""


class FrameDecoder:
    """Splits a stream that arrives in pieces of any size into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def unfinished(self) -> bytes:
        """The received part of an incomplete frame."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes; raises ProtocolError for a frame of more than 8 MiB."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            size, kind, request, thread = _HEADER.unpack_from(self._buffer)
            if size > MAX_PAYLOAD:
                raise ProtocolError(
                    f"a frame of {size} bytes exceeds the limit of {MAX_PAYLOAD}: "
                    f"something other than the agent wrote {bytes(self._buffer[:80])!r}"
                )
            end = _HEADER.size + size
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield Frame(kind, request, thread, payload)


@dataclass(frozen=True, slots=True)
class Hello:
    """The agent's first frame."""

    pid: int
    uid: int
    architecture: Architecture
    page_size: int
    threads: tuple[int, int]
    """The ids of the threads that it starts with."""


def decode_hello(frame: Frame) -> Hello:
    """Decode the agent's first frame; raises ProtocolError unless an agent of this version sent it."""
    if frame.kind != FrameKind.HELLO or len(frame.payload) != _HELLO.size:
        raise ProtocolError(f"the agent's first frame is not a valid HELLO: {frame!r:.200}")
    magic, version, pointer_size, page_size, pid, uid, machine, *threads = _HELLO.unpack(frame.payload)
    if magic != MAGIC or version != PROTOCOL_VERSION or pointer_size != 8:
        raise ProtocolError(
            f"the agent is {magic!r} version {version} with {pointer_size}-byte pointers; expected is "
            f"{MAGIC!r} version {PROTOCOL_VERSION} with 8: push the agent of this release to the device"
        )
    try:
        architecture = architecture_named(machine.rstrip(b"\0").decode("ascii", "replace"))
    except UsageError as error:
        raise ProtocolError(str(error)) from error
    return Hello(pid, uid, architecture, page_size, (threads[0], threads[1]))


def decode_started(frame: Frame) -> int:
    """The id of a started thread; OSError where it could not be started, ProtocolError for another frame."""
    if frame.kind != FrameKind.STARTED or len(frame.payload) != _STARTED.size:
        raise ProtocolError(f"expected the answer to starting a thread, received {frame!r:.200}")
    (error,) = _STARTED.unpack(frame.payload)
    if error:
        raise OSError(-error, "the agent could not start another thread")
    return frame.thread


class Batch(NamedTuple):
    """Encoded operations, the size of their answer, and whether they may block."""

    operations: Sequence[Operation]
    writes: Sequence[int]
    """Which operations are a Write."""
    parts: Sequence[bytes]
    """Of the payload of its frame: every other one is the data of a Write."""
    answer_size: int
    """Bytes of the answering frame, at most."""
    prompt: bool
    """Whether they never block: then the agent runs them without waking another thread."""

    @property
    def payload(self) -> bytes:
        """That of its frame."""
        return b"".join(self.parts)

    def with_data(self, *data: bytes) -> Batch:
        """The same operations, but their Writes write these bytes, as many as before."""
        operations, parts = list(self.operations), list(self.parts)
        assert list(map(len, data)) == list(map(len, parts[1::2]))
        parts[1::2] = data
        for index, content in zip(self.writes, data, strict=True):
            operations[index] = Write(operations[index].address, content)  # type: ignore[union-attr]
        return Batch(operations, self.writes, parts, self.answer_size, self.prompt)


def encode_batch(operations: Sequence[Operation], architecture: Architecture, *, keep_going: bool) -> Batch:
    """The payload of a batch frame; raises UsageError for operations that no agent would accept."""
    if len(operations) > MAX_OPERATIONS:
        raise UsageError(
            f"a batch of {len(operations)} operations exceeds the limit of {MAX_OPERATIONS}: split it"
        )
    parts: list[bytes] = []
    encoded = bytearray(_BATCH.pack(_KEEP_GOING if keep_going else 0, len(operations)))
    answered = touched = 0
    prompt = True
    for index, operation in enumerate(operations):
        match operation:
            case SystemCall(syscall, arguments):
                encoded += _operation(OperationKind.CALL, syscall.number(architecture), arguments, index)
                prompt = prompt and syscall in NON_BLOCKING
            case Read(address, size):
                words = (address,) if isinstance(size, int) else (address, size)
                encoded += _operation(OperationKind.READ, operation.largest, words, index)
                answered += operation.largest
                touched += operation.largest
            case Write(address, data):
                encoded += _operation(OperationKind.WRITE, len(data), (address,), index)
                parts += [bytes(encoded), data]
                encoded.clear()
                touched += len(data)
            case Fill(address, size, seed):
                encoded += _operation(OperationKind.FILL, size, (address, seed), index)
                touched += size
            case Digest(address, size):
                encoded += _operation(OperationKind.DIGEST, size, (address,), index)
                answered += _DIGEST_SIZE
                touched += size
            case Store(address, value):
                encoded += _operation(OperationKind.STORE, _WORD_SIZE, (address, value), index)
            case Check(address, lowest, highest, size):
                encoded += _operation(OperationKind.CHECK, size, (address, lowest, highest), index)
    parts.append(bytes(encoded))
    size = sum(map(len, parts))
    if size > MAX_PAYLOAD:
        raise UsageError(f"a batch of {size} bytes exceeds the agent's limit of {MAX_PAYLOAD}: split it")
    answer_size = _HEADER.size + _RESULTS.size + len(operations) * _ANSWER.size + answered
    writes = [index for index, operation in enumerate(operations) if isinstance(operation, Write)]
    return Batch(operations, writes, parts, answer_size, prompt and touched <= _PROMPT_SIZE)


class BatchResults(NamedTuple):
    """The answer to a batch; if a forked child ran it, with the child's pid, and its status if it died."""

    results: list[OperationResult]
    child: int
    child_status: int


def decode_results(frame: Frame, operations: Sequence[Operation]) -> BatchResults:
    """Those of the operations that ran, the first; OSError if the fork failed, else ProtocolError."""
    payload = frame.payload
    if frame.kind != FrameKind.RESULTS or len(payload) < _RESULTS.size:
        raise ProtocolError(f"expected the results of a batch, received {frame!r:.200}")
    child, child_status, executed = _RESULTS.unpack_from(payload)
    if child < 0:
        raise OSError(-child, "the agent could not fork")
    if executed > len(operations):
        raise ProtocolError(f"received {executed} results of a batch of {len(operations)} operations")
    results = []
    end, offset = len(payload), _RESULTS.size
    for operation in operations[:executed]:
        try:
            value, size = _ANSWER.unpack_from(payload, offset)
        except struct.error:
            raise ProtocolError(f"the results of a batch end before {operation}") from None
        start = offset + _ANSWER.size
        offset = start + size
        if offset > end:
            raise ProtocolError(f"the results of a batch end inside the {size} bytes of {operation}")
        results.append(OperationResult(operation, value, payload[start:offset] if size else b""))
    if offset != end:
        raise ProtocolError(f"{end - offset} bytes follow the last result of a batch")
    return BatchResults(results, child, child_status)


def _operation(kind: OperationKind, size: int, words: Sequence[Word], index: int) -> bytes:
    if not 0 <= size < 1 << 32:
        raise UsageError(f"{size} bytes in one operation: the limit is 4 GiB - 1")
    if len(words) > MAX_WORDS:
        raise UsageError(f"a system call with {len(words)} arguments: Linux has at most {MAX_WORDS}")
    earlier = stored = 0
    values = []
    for position, word in enumerate(words):
        match word:
            case Earlier(number):
                if not 0 <= number < index:
                    raise UsageError(
                        f"operation {index} refers to the result of operation {number}, which is not earlier"
                    )
                earlier |= 1 << position
            case Stored(number):
                stored |= 1 << position
            case number:
                pass
        if not -(1 << 63) <= number < 1 << 64:
            raise UsageError(f"{number:#x} does not fit the 64 bits of an argument or address")
        values.append(number & (1 << 64) - 1)
    return _OPERATIONS[len(values)].pack(kind, len(values), earlier, stored, size, *values)
