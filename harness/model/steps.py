"""What processes do: the steps of a program, what they carry, and what comes of them. Their repr() is Python.

Processes, and the threads of each, are numbered from 1; buffers are named by their offset in the mapping.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.binder.abi.commands import Command as PlainCommand
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import (
    BinderBufferObject,
    BinderFdArrayObject,
    BinderTransactionData,
    BinderTransactionDataSg,
    FlatBinderFlag,
    FlatBinderObject,
)
from harness.binder.abi.uapi import BinderIoctl

MAPPED = 16 * 1024
"""Bytes that a process maps unless the step gives another size."""
READ_SIZE = 256
"""Bytes of the read buffer: libbinder's."""
CODE_SIZE = 4
WORD = 8


@dataclass(frozen=True, slots=True)
class Binder:
    """A node of the sender's or, when received, of the receiver's own (BINDER_TYPE_BINDER, _WEAK_BINDER)."""

    ptr: int
    cookie: int
    strong: bool = True
    flags: int = int(FlatBinderFlag.FLAT_BINDER_FLAG_ACCEPTS_FDS)


@dataclass(frozen=True, slots=True)
class Handle:
    """A handle of the sender's or, when received, of the receiver's (BINDER_TYPE_HANDLE, _WEAK_HANDLE)."""

    handle: int
    strong: bool = True
    flags: int = int(FlatBinderFlag.FLAT_BINDER_FLAG_ACCEPTS_FDS)


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Bytes that are no object, where the offsets say that one is."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A file descriptor (BINDER_TYPE_FD); when received, whatever number it has."""

    is_open: bool = True
    """Whether the sender has it."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Memory that is copied behind the payload (BINDER_TYPE_PTR)."""

    size: int
    """Bytes."""
    at: int | None = None
    """When received: where it is in the mapping."""
    parent: int | None = None
    """The index of the Pointer whose memory has its address."""
    parent_offset: int = 0
    """Where in that memory, in bytes."""


@dataclass(frozen=True, slots=True)
class DescriptorArray:
    """File descriptors in the memory of a Pointer (BINDER_TYPE_FDA)."""

    count: int
    parent: int
    """The index of the Pointer."""
    parent_offset: int = 0
    """Where in its memory, in bytes."""
    is_open: bool = True
    """Whether the sender has them."""


Object = Binder | Handle | Descriptor | Pointer | DescriptorArray | Nonsense


def object_size(sent: Object) -> int:
    """Bytes of an object in the data."""
    match sent:
        case Pointer():
            return BinderBufferObject.sizeof()
        case DescriptorArray():
            return BinderFdArrayObject.sizeof()
    return FlatBinderObject.sizeof()


def descriptors_in(objects: Iterable[Object]) -> int:
    """How many descriptors the receiver gets."""
    return sum(
        each.count if isinstance(each, DescriptorArray) else 1
        for each in objects
        if isinstance(each, Descriptor | DescriptorArray)
    )


def rounded(size: int) -> int:
    """Each part of a buffer is rounded up to a word."""
    return -(-size // WORD) * WORD


@dataclass(frozen=True, slots=True)
class Payload:
    """What a transaction or reply carries: the objects, one after the other, and then `size` bytes."""

    size: int = 0
    """Bytes behind the objects."""
    objects: tuple[Object, ...] = ()
    missing: int = 0
    """Bytes too few for the memory that goes with it; a multiple of 8."""

    @property
    def data_size(self) -> int:
        """Bytes of data."""
        return sum(map(object_size, self.objects)) + self.size

    @property
    def offsets_size(self) -> int:
        """Bytes of offsets: a word for each object."""
        return WORD * len(self.objects)

    @property
    def is_scattered(self) -> bool:
        """Whether memory goes with it: then the command is BC_TRANSACTION_SG or BC_REPLY_SG."""
        return any(isinstance(each, Pointer) for each in self.objects)

    @property
    def extra_size(self) -> int:
        """Bytes for that memory."""
        sizes = (rounded(each.size) for each in self.objects if isinstance(each, Pointer))
        return max(0, sum(sizes) - self.missing)


EMPTY = Payload()


@dataclass(frozen=True, slots=True)
class Transact:
    """BC_TRANSACTION."""

    handle: int
    code: int = 0
    flags: int = 0
    payload: Payload = EMPTY


@dataclass(frozen=True, slots=True)
class Reply:
    """BC_REPLY."""

    code: int = 0
    flags: int = 0
    payload: Payload = EMPTY


@dataclass(frozen=True, slots=True)
class Free:
    """BC_FREE_BUFFER."""

    offset: int


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A code that no driver accepts, followed by zeros."""

    code: int


Command = Transact | Reply | Free | Unsupported | PlainCommand


def size_of(command: Command) -> int:
    """Bytes of a command in the write buffer, with the code."""
    match command:
        case Transact() | Reply():
            scattered = command.payload.is_scattered
            parameter = (BinderTransactionDataSg if scattered else BinderTransactionData).sizeof()
        case Free():
            parameter = WORD
        case Unsupported(code):
            parameter = code >> 16 & 0x3FFF
        case _:
            parameter = command.sizeof()
    return CODE_SIZE + parameter


@dataclass(frozen=True, slots=True)
class Open:
    """Open the device with O_NONBLOCK, and map so many bytes, or nothing."""

    process: int
    mapped: int = MAPPED


@dataclass(frozen=True, slots=True)
class Close:
    """Unmap and close the device, as the end of the process does."""

    process: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """BINDER_WRITE_READ with these commands, and `read` bytes for returns."""

    process: int
    thread: int
    commands: tuple[Command, ...] = ()
    read: int = READ_SIZE
    is_full: bool = False
    """Whether the process may have no further descriptor meanwhile (RLIMIT_NOFILE)."""
    waits: bool = False
    """Whether the thread waits until there is something to read: the file is open without O_NONBLOCK."""


@dataclass(frozen=True, slots=True)
class Control:
    """Another ioctl; what `arguments` are depends on it."""

    process: int
    thread: int
    ioctl: BinderIoctl
    arguments: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Control({self.process}, {self.thread}, BinderIoctl.{self.ioctl.name}, {self.arguments!r})"


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Send a signal to a thread that waits."""

    process: int
    thread: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Read what the debug file `stats` has of a process: the answer is `views.statistics`."""

    process: int


Step = Open | Close | Exchange | Control | Interrupt | Statistics


class ImpossibleStepError(Exception):
    """A step of a thread that waits, or of a process that has not opened the device."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the caller of a step gets."""

    result: int = 0
    """0 or a negative errno."""
    consumed: int = 0
    """Bytes of commands that the driver took."""
    returns: tuple[Return, ...] = ()
    """Addresses are offsets in the mapping, `sender_pid` is the number of the sending process, or 0."""
    objects: tuple[Object, ...] = ()
    """Those in the transaction or reply that was returned."""
    answer: tuple[int, ...] = ()
    """What another ioctl wrote."""
    waits: bool = False
    """Whether the thread waits, and nothing has come of the step yet."""
    woken: tuple[tuple[int, int, Outcome], ...] = ()
    """Exchanges that waited and have returned with this step: process, thread, and what came of them."""
