"""The operations that a thread of an agent can run, and their results."""

from __future__ import annotations

import errno
import mmap
import os
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from harness.agent.syscalls import SyscallNumber
from harness.argument_types import checked_methods

LONGEST_TEXT = 200
"""Characters of an argument, such as a path, that an error shows."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The value that an earlier operation of the same batch returned, by its `index` (from 0).

    An operation that refers to a failed one is not run, and its result is ECANCELED.
    """

    index: int

    def __str__(self) -> str:
        return f"result {self.index}"


@dataclass(frozen=True, slots=True)
class Stored:
    """The 64-bit word that the agent's memory has at `address` when the operation begins; else EFAULT."""

    address: int

    def __str__(self) -> str:
        return f"the word at {self.address:#x}"


Word = int | Earlier | Stored
"""An argument or address: 64 bits, signed or unsigned."""


@checked_methods
@dataclass(frozen=True, slots=True, init=False)
class SystemCall:
    """A system call with up to six arguments; the result is its return value."""

    syscall: SyscallNumber
    arguments: tuple[Word, ...]

    def __init__(self, syscall: SyscallNumber | str, *arguments: Word) -> None:
        object.__setattr__(
            self, "syscall", SyscallNumber.named(syscall) if isinstance(syscall, str) else syscall
        )
        object.__setattr__(self, "arguments", arguments)

    def __str__(self) -> str:
        return f"{self.syscall.name}({', '.join(map(shown, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Read:
    """Copy `size` bytes of the agent's memory into the result.

    A size that is known only on the device has an upper limit, `most`; EMSGSIZE where it is larger.
    """

    address: Word
    size: Word
    most: int = 0

    @property
    def largest(self) -> int:
        """The most bytes that the result can have."""
        return self.size if isinstance(self.size, int) else self.most

    def __str__(self) -> str:
        return f"reading {self.size} bytes at {_place(self.address)}"


@dataclass(frozen=True, slots=True)
class Write:
    """Copy `data` into the agent's memory."""

    address: Word
    data: bytes

    def __str__(self) -> str:
        return f"writing {len(self.data)} bytes at {_place(self.address)}"


@dataclass(frozen=True, slots=True)
class Fill:
    """Write `pattern.fill_pattern(size, seed)`; at most 4 GiB - 1 byte; the seed has 64 bits."""

    address: Word
    size: int
    seed: int

    def __str__(self) -> str:
        return f"filling {self.size} bytes at {_place(self.address)}"


@dataclass(frozen=True, slots=True)
class Digest:
    """Compute `pattern.digest` of the memory; at most 4 GiB - 1 byte."""

    address: Word
    size: int

    def __str__(self) -> str:
        return f"digesting {self.size} bytes at {_place(self.address)}"


@dataclass(frozen=True, slots=True)
class Store:
    """Write a word of 64 bits into the agent's memory."""

    address: Word
    value: Word

    def __str__(self) -> str:
        return f"storing {self.value} at {_place(self.address)}"


@dataclass(frozen=True, slots=True)
class Check:
    """End the batch here, even one that keeps going, unless memory has a number from `lowest` to `highest`.

    The number has `size` bytes, 4 or 8, and is unsigned. The result is ERANGE where the batch ends.
    """

    address: Word
    lowest: Word
    highest: Word
    size: int = 8

    def __str__(self) -> str:
        return f"checking that the number at {_place(self.address)} is {self.lowest} to {self.highest}"


Operation = SystemCall | Read | Write | Fill | Digest | Store | Check


class OperationResult(NamedTuple):
    """A call's return value, or the number of bytes handled; below zero the negative errno."""

    operation: Operation
    value: int
    data: bytes = b""

    @property
    def errno(self) -> int:
        """The error number, or 0. Linux's errors are -1 to -4095; any other negative number is a value."""
        return -self.value if -4095 <= self.value < 0 else 0

    def checked(self, shown: str | None = None) -> OperationResult:
        """This result; raises the OSError (PermissionError, …) of its error number.

        Its text has the operation, or what is to be `shown` instead.
        """
        if self.errno:
            name = errno.errorcode.get(self.errno, f"error {self.errno}")
            raise OSError(self.errno, f"{shown or self.operation}: {name}, {os.strerror(self.errno)}")
        return self


def shown(argument: Word | bytes) -> str:
    """An argument in an error: a constant by its name, text as it is, other bytes by their number.

    A text may end in a zero byte, as a path does in a system call.
    """
    if isinstance(argument, Enum):
        return argument.name
    if not isinstance(argument, bytes | bytearray):
        return str(argument)
    text = bytes(argument).removesuffix(b"\0")
    if text and len(text) <= LONGEST_TEXT and text.isascii() and text.decode().isprintable():
        return repr(text.decode())
    return f"{len(argument)} byte{'' if len(argument) == 1 else 's'}"


def map_anonymous(size: int) -> SystemCall:
    """The call that maps new memory, readable, writable and private; it returns the address."""
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    return SystemCall(SyscallNumber.mmap, 0, size, protection, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)


def _place(address: Word) -> str:
    return f"{address:#x}" if isinstance(address, int) else str(address)
