"""The system call agent, with sanitizers: it gets all operations of its protocol, well-formed and not."""

from __future__ import annotations

import contextlib
import os
import platform
import random
import subprocess
import typing
from dataclasses import dataclass
from pathlib import Path

from emulator.base.architecture import architecture_named
from emulator.base.errors import HarnessError, UsageError
from harness.agent import protocol
from harness.agent.operations import Earlier, Operation, Stored, SystemCall, Word, map_anonymous
from harness.agent.protocol import (
    MAX_PAYLOAD,
    Frame,
    FrameDecoder,
    FrameKind,
    decode_hello,
    decode_results,
    encode_batch,
)
from harness.agent.syscalls import SyscallNumber
from tests.fuzz.mutations import mutated
from tests.fuzz.sanitizers import ENVIRONMENT

HERE = architecture_named(platform.machine())
KINDS = (
    *(FrameKind.BATCH, FrameKind.FITTING_BATCH, FrameKind.PROMPT_BATCH, FrameKind.FORK),
    FrameKind.START_THREAD,
)
MOST_FRAMES = 40
HELLO_SIZE = protocol._HEADER.size + protocol._HELLO.size
ENDS_WITHIN = 20.0
ARENA = map_anonymous(8192)
SAFE_CALLS = (
    SystemCall(SyscallNumber.getpid),
    ARENA,
    map_anonymous(1 << 20),
    SystemCall(SyscallNumber.uname, Earlier(0)),
    SystemCall(SyscallNumber.mprotect, Earlier(0), 4096, 1),
)
NOWHERE = (0, 1, 4095, 0x1000_0000, 1 << 47, (1 << 64) - 1, (1 << 64) - 4096)
"""Addresses at which nothing is mapped."""
SIZES = (0, 1, 7, 16, 63, 64, 65, 4096, 8191, 8192, 8193, 1 << 20, MAX_PAYLOAD, (1 << 32) - 1)


def session(program: Path, choice: random.Random) -> tuple[int, str]:
    """A process that gets some frames and then the end: how many frames, and what was wrong, if anything."""
    with subprocess.Popen(
        [program],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **ENVIRONMENT},
    ) as agent:
        try:
            writer = _writer(agent, choice)
            frames = [writer.frame(request) for request in range(2, choice.randint(3, MOST_FRAMES))]
            data = b"".join(frames)
            if not writer.arena and choice.random() < 0.3:
                data = mutated(data, choice)
            output, errors = agent.communicate(data, ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            return len(frames), f"it did not end within {ENDS_WITHIN:g} s"
        finally:
            agent.kill()
    return len(frames), _wrong(agent.returncode, output, errors)


def _writer(agent: subprocess.Popen[bytes], choice: random.Random) -> _Writer:
    """What writes an agent's frames, once it has sent its greeting and mapped an arena."""
    assert agent.stdin is not None
    assert agent.stdout is not None
    (hello,) = FrameDecoder().feed(agent.stdout.read(HELLO_SIZE))
    threads = decode_hello(hello).threads
    batch = encode_batch([ARENA], HERE, keep_going=False)
    agent.stdin.write(Frame(FrameKind.BATCH, 1, threads[0], batch.payload).encode())
    (answer,) = FrameDecoder().feed(agent.stdout.read(batch.answer_size))
    (mapped,) = decode_results(answer, [ARENA]).results
    # Bytes are changed only where no address is known: another one might be that of the agent's own memory.
    return _Writer(choice, threads, mapped.value if choice.random() < 0.5 else 0)


def _wrong(status: int, output: bytes, errors: bytes) -> str:
    if status < 0 or errors:
        return f"it ended with {status}: {errors.decode(errors='replace')[:4000]}"
    decoder = FrameDecoder()
    try:
        received = list(decoder.feed(output))
    except HarnessError as error:
        return f"what it sent is no frame: {error}"
    refused = any(frame.kind == FrameKind.ERROR for frame in received)
    if decoder.unfinished or refused != (status != 0):
        return f"it ended with {status} after {received[-1:]!r:.200} and {decoder.unfinished[:100]!r}"
    return ""


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes frames at random."""

    choice: random.Random
    threads: tuple[int, int]
    arena: int
    """The address of two pages that the input may change, or 0: unknown."""

    def frame(self, request: int) -> bytes:
        """A request of any kind, perhaps malformed."""
        choice = self.choice
        kind = choice.choice(KINDS)
        if kind == FrameKind.START_THREAD:
            return Frame(kind, request, 0).encode()
        payload = self._batch()
        if not self.arena and choice.random() < 0.3:
            payload = mutated(payload, choice)
        return Frame(kind, request, choice.choice(self.threads), payload).encode()

    def _batch(self) -> bytes:
        while True:
            operations = [ARENA, *(self._operation() for _ in range(self.choice.randint(0, 12)))]
            with contextlib.suppress(UsageError):  # too large, or one that the client refuses
                return encode_batch(operations, HERE, keep_going=self.choice.random() < 0.8).payload

    def _operation(self) -> Operation:
        """An operation of any kind that the protocol has, its fields by their types."""
        kind = self.choice.choice(typing.get_args(Operation))
        if kind is SystemCall:
            return self.choice.choice(SAFE_CALLS)
        hints = typing.get_type_hints(kind)
        values = {name: self._value(name, hints[name]) for name in hints}
        return typing.cast(Operation, kind(**values))

    def _value(self, name: str, hint: object) -> object:
        choice = self.choice
        if hint == Word:
            numbers = NOWHERE if name == "address" else SIZES
            somewhere = [self.arena + choice.choice((0, 8, 4092, 8184, 8188))] if self.arena else []
            return choice.choice([Earlier(0), Earlier(0), *somewhere, self._stored(), choice.choice(numbers)])
        if hint is int:
            return choice.choice(SIZES)
        if hint is bytes:
            return choice.randbytes(min(choice.choice(SIZES), 1 << 16))
        raise TypeError(f"say here what is sent for a field of type {hint}")

    def _stored(self) -> Stored:
        word = 8 * self.choice.randrange(4)
        return Stored(self.arena + word if self.arena else self.choice.choice(NOWHERE))
