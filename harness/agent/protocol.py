"""The frames that pass between Python and the agent: pure functions from values to bytes and back.

device_agents/syscall_agent/protocol.h describes the same frames for the other end.
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
from harness.agent.operations import Call, Digest, Earlier, Fill, Operation, Read, Result, Word, Write
from harness.agent.syscalls import PROMPT

PROTOCOL_VERSION = 4
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
"""By how many words they have."""
_RESULTS = struct.Struct("<iII")
_ANSWER = struct.Struct("<qQ")
_KEEP_GOING = 1
_PROMPT_SIZE = 64 * 1024
"""Bytes of memory that are touched in no time."""
_DIGEST_SIZE = 16


class FrameKind(IntEnum):
    """What a frame is for."""

    START_THREAD = 1
    BATCH = 2
    PROMPT_BATCH = 3
    FORK = 4
    INTERRUPT = 5
    END = 6
    HELLO = 128
    STARTED = 129
    RESULTS = 130
    ERROR = 131


class OperationKind(IntEnum):
    """What an operation of a batch does."""

    CALL = 1
    READ = 2
    WRITE = 3
    FILL = 4
    DIGEST = 5


class Frame(NamedTuple):
    """One frame; an answer repeats the `request` number that it answers."""

    kind: int
    request: int
    thread: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The frame as it goes over the wire."""
        return _HEADER.pack(len(self.payload), self.kind, self.request, self.thread) + self.payload


END_OF_INPUT = Frame(FrameKind.END, 0, 0).encode()
"""What makes the agent exit, where the input itself cannot be ended."""


class FrameDecoder:
    """Takes a stream in pieces of any size and gives the frames in it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def unfinished(self) -> bytes:
        """What came of a frame that is not complete."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes; raises ProtocolError at a header that announces over 8 MiB."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            size, kind, request, thread = _HEADER.unpack_from(self._buffer)
            if size > MAX_PAYLOAD:
                raise ProtocolError(
                    f"a frame of {size} bytes was announced, over the limit of {MAX_PAYLOAD}: "
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
    """What the agent says of itself when it starts."""

    pid: int
    uid: int
    architecture: Architecture
    page_size: int
    threads: tuple[int, int]
    """The ids of those that it has from the start."""


def decode_hello(frame: Frame) -> Hello:
    """The agent's first frame; raises ProtocolError unless an agent of this very version sent it."""
    if frame.kind != FrameKind.HELLO or len(frame.payload) != _HELLO.size:
        raise ProtocolError(f"the agent did not greet; its first frame was {frame!r:.200}")
    magic, version, pointer_size, page_size, pid, uid, machine, *threads = _HELLO.unpack(frame.payload)
    if magic != MAGIC or version != PROTOCOL_VERSION or pointer_size != 8:
        raise ProtocolError(
            f"the agent greeted as {magic!r} version {version} with {pointer_size}-byte pointers; wanted are "
            f"{MAGIC!r} version {PROTOCOL_VERSION} with 8: put the agent of this release on the device"
        )
    try:
        architecture = architecture_named(machine.rstrip(b"\0").decode("ascii", "replace"))
    except UsageError as error:
        raise ProtocolError(str(error)) from error
    return Hello(pid, uid, architecture, page_size, (threads[0], threads[1]))


def decode_started(frame: Frame) -> int:
    """The id of a thread that was started; raises the OSError that kept it from starting."""
    if frame.kind != FrameKind.STARTED or len(frame.payload) != _STARTED.size:
        raise ProtocolError(f"the start of a thread was answered with {frame!r:.200}")
    (error,) = _STARTED.unpack(frame.payload)
    if error:
        raise OSError(-error, "the agent could not start another thread")
    return frame.thread


class Batch(NamedTuple):
    """Operations as an agent takes them, and what is known of them beforehand."""

    payload: bytes
    answer_size: int
    """Bytes, at most, of the frame that answers."""
    prompt: bool
    """Whether they are over at once: then the agent need not wake another thread to run them."""


def encode_batch(operations: Sequence[Operation], architecture: Architecture, *, keep_going: bool) -> Batch:
    """What goes into a frame of any kind of batch; raises UsageError for what no agent would accept."""
    if len(operations) > MAX_OPERATIONS:
        raise UsageError(
            f"a batch of {len(operations)} operations, but the limit is {MAX_OPERATIONS}: split it"
        )
    parts = [_BATCH.pack(_KEEP_GOING if keep_going else 0, len(operations))]
    answered = touched = 0
    prompt = True
    for index, operation in enumerate(operations):
        match operation:
            case Call(syscall, arguments):
                parts.append(_operation(OperationKind.CALL, syscall.number(architecture), arguments, index))
                prompt = prompt and syscall in PROMPT
            case Read(address, size):
                parts.append(_operation(OperationKind.READ, size, (address,), index))
                answered += size
                touched += size
            case Write(address, data):
                parts += [_operation(OperationKind.WRITE, len(data), (address,), index), data]
                touched += len(data)
            case Fill(address, size, seed):
                parts.append(_operation(OperationKind.FILL, size, (address, seed), index))
                touched += size
            case Digest(address, size):
                parts.append(_operation(OperationKind.DIGEST, size, (address,), index))
                answered += _DIGEST_SIZE
                touched += size
    payload = b"".join(parts)
    if len(payload) > MAX_PAYLOAD:
        raise UsageError(
            f"a batch of {len(payload)} bytes is more than the agent takes ({MAX_PAYLOAD}): split it"
        )
    answer_size = _HEADER.size + _RESULTS.size + len(operations) * _ANSWER.size + answered
    return Batch(payload, answer_size, prompt and touched <= _PROMPT_SIZE)


class BatchResults(NamedTuple):
    """The answer to a batch; for one run by a forked child, with its pid and its status if it died."""

    results: list[Result]
    child: int
    child_status: int


def decode_results(frame: Frame, operations: Sequence[Operation]) -> BatchResults:
    """The answers to the first of `operations`, up to all; raises OSError where the fork failed."""
    payload = frame.payload
    if frame.kind != FrameKind.RESULTS or len(payload) < _RESULTS.size:
        raise ProtocolError(f"a batch was answered with {frame!r:.200}")
    child, child_status, executed = _RESULTS.unpack_from(payload)
    if child < 0:
        raise OSError(-child, "the agent could not fork")
    if executed > len(operations):
        raise ProtocolError(f"a batch of {len(operations)} operations was answered with {executed} results")
    results = []
    offset = _RESULTS.size
    for operation in operations[:executed]:
        if len(payload) - offset < _ANSWER.size:
            raise ProtocolError(f"the results of a batch end before those of {operation}")
        value, size = _ANSWER.unpack_from(payload, offset)
        offset += _ANSWER.size
        if len(payload) - offset < size:
            raise ProtocolError(f"the results of a batch end inside the {size} bytes of {operation}")
        results.append(Result(operation, value, payload[offset : offset + size]))
        offset += size
    if offset != len(payload):
        raise ProtocolError(f"{len(payload) - offset} bytes follow the last result of a batch")
    return BatchResults(results, child, child_status)


def _operation(kind: OperationKind, size: int, words: Sequence[Word], index: int) -> bytes:
    if not 0 <= size < 1 << 32:
        raise UsageError(f"{size} bytes in one operation: the limit is 4 GiB - 1")
    if len(words) > MAX_WORDS:
        raise UsageError(f"a system call with {len(words)} arguments: Linux has none with over {MAX_WORDS}")
    earlier = 0
    values = []
    for position, word in enumerate(words):
        if isinstance(word, Earlier):
            if not 0 <= word.index < index:
                raise UsageError(
                    f"operation {index} refers to the result of operation {word.index}, which is not earlier"
                )
            earlier |= 1 << position
            values.append(word.index)
        elif -(1 << 63) <= word < 1 << 64:
            values.append(word & (1 << 64) - 1)
        else:
            raise UsageError(f"{word:#x} does not fit the 64 bits of an argument or address")
    return _OPERATIONS[len(values)].pack(kind, len(values), earlier, 0, size, *values)
