"""The driver's messages in the kernel log: refused transactions, full mappings, ends that went away.

Forms: binder_debug and binder_user_error in drivers/android/binder.c and binder_alloc.c (Linux 3.10 to 7.3);
pr_warn in drivers/android/binder/thread.rs and transaction.rs (Linux 6.18 to 7.3). What is before the message
may be dmesg's time, a thread, logcat's columns or syslog's.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from harness.kernel.concise import Concise
from harness.kernel.parsing import numbered_lines


class MessageKind(StrEnum):
    """What a message is about."""

    TRANSACTION_FAILED = "transaction failed"
    """The driver refused a transaction, or the reply to it."""
    NO_ADDRESS_SPACE = "no address space"
    """The receiver's mapping has no free piece that is large enough."""
    NO_ONEWAY_SPACE = "no one-way space"
    """The half of the receiver's mapping that one-way calls may use is full."""
    NO_MAPPING = "no mapping"
    """The receiver has not mapped its binder file, or no longer."""
    ALLOCATION_FAILED = "allocation failed"
    """The Rust driver's word for either of the two; it names no process."""
    ONEWAY_SPAM = "one-way spam"
    """One process fills the one-way space of another."""
    STILL_ACTIVE = "still active"
    """A process or thread ended with a transaction under way."""
    UNDELIVERED = "undelivered"
    """Work was dropped, for its process ended."""
    SUPPRESSED = "suppressed"
    """The kernel left messages out: it prints only so many of a kind in five seconds."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class MappingRoom:
    """How a mapping was used when a transaction found no space: sizes in bytes."""

    allocated: int
    buffers: int
    largest_buffer: int
    free: int
    holes: int
    largest_hole: int


@dataclass(frozen=True, slots=True, repr=False)
class KernelMessage(Concise):
    """One message of the driver; None for what it does not contain."""

    kind: MessageKind
    text: str
    """As printed, without what is before the driver's name."""
    rust: bool = False
    """Whether it is the Rust driver's."""
    pid: int | None = None
    """The process it is about: the sender of a transaction, the owner of a mapping."""
    tid: int | None = None
    call_type: str | None = None
    """`call`, `reply` or `async`; Linux 5.19 and later."""
    to_pid: int | None = None
    """0 if the driver had not found the receiver."""
    to_tid: int | None = None
    debug_id: int | None = None
    return_error: int | None = None
    """The BR_* code that the sender received."""
    return_name: str | None = None
    """Its name, where the message has a name and no number (Rust driver)."""
    error_number: int | None = None
    """The positive errno behind it; 0 for none."""
    size: int | None = None
    """Bytes of data, or of the whole buffer that was asked for."""
    offsets_size: int | None = None
    source_line: int | None = None
    """The line of binder.c."""
    one_way: bool | None = None
    room: MappingRoom | None = None
    count: int | None = None
    """Messages left out; buffers of a sender that fills the one-way space."""
    line: int = field(default=0, compare=False, repr=False)
    """Where it is in the text, from 1."""


_MESSAGE = re.compile(
    r"(?:^|.*?(?<![\w/.$-]))(?P<driver>rust_binder|binder_alloc|binder_linux|binder)\s*: (?P<text>\S.*)"
)
_SUPPRESSED = re.compile(
    r"(?:^|.*?(?<!\w))(?P<text>(?:rust_)?binder\w*: (?P<count>\d+) callbacks suppressed)"
)
_BR_FAILED_REPLY = 29201
"""uapi/linux/android/binder.h."""
_ERRNO = re.compile(r"\bE[A-Z0-9]{2,}\b")
_RETURN = re.compile(r"\bBR_[A-Z_]+\b")
_ROOM = re.compile(
    r"allocated: (?P<allocated>\d+) \(num: (?P<buffers>\d+) largest: (?P<largest_buffer>\d+)\), "
    r"free: (?P<free>\d+) \(num: (?P<holes>\d+) largest: (?P<largest_hole>\d+)\)"
)
_PATTERNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            MessageKind.TRANSACTION_FAILED,
            r"(?P<pid>\d+):(?P<tid>\d+) transaction(?: (?P<call_type>call|reply|async) to "
            r"(?P<to_pid>\d+):(?P<to_tid>\d+))? failed (?:(?:(?P<debug_id>\d+)/(?=\d+/))?"
            r"(?P<return_error>\d+)(?:/-?(?P<error_number>\d+))?|[A-Z]\w+(?: \{[^}]*\})?)"  # in Rust, a name
            r",(?: code \d+)? size (?P<size>\d+)-(?P<offsets_size>\d+)"
            r"(?: line (?P<source_line>\d+))?.*",
        ),
        (
            MessageKind.TRANSACTION_FAILED,
            r"(?P<pid>\d+):(?P<tid>\d+) (?:one-?way )?(?P<call_type>transaction|reply|call) to "
            r"(?P<to_pid>\d+)(?::(?P<to_tid>\d+))? failed: .*",
        ),
        (
            MessageKind.NO_ADDRESS_SPACE,
            r"(?P<pid>\d+): binder_alloc_buf size (?P<size>\d+) failed, no address space.*",
        ),
        (
            MessageKind.NO_ONEWAY_SPACE,
            r"(?P<pid>\d+): binder_alloc_buf size (?P<size>\d+) failed, no async space.*",
        ),
        (MessageKind.NO_MAPPING, r"(?P<pid>\d+): binder_alloc_buf.* no vma.*"),
        (
            MessageKind.ALLOCATION_FAILED,
            r"Failed to allocate buffer\. len:(?P<size>\d+), is_oneway:(?P<one_way>\w+).*",
        ),
        (
            MessageKind.ONEWAY_SPAM,
            r"(?P<to_pid>\d+): pid (?P<pid>\d+) spamming oneway\? (?P<count>\d+) buffers allocated "
            r"for a total size of (?P<size>\d+).*",
        ),
        (
            MessageKind.STILL_ACTIVE,
            r"release (?P<pid>\d+):(?P<tid>\d+) transaction (?P<debug_id>\d+) (?:in|out), still active.*",
        ),
        (MessageKind.UNDELIVERED, r"undelivered transaction (?P<debug_id>\d+).*"),
        (MessageKind.UNDELIVERED, r"undelivered .*"),
    )
)
_BEGINNING = re.compile(r"\w+: \d+(?::\d+)? (?:transaction|reply|one-?way|binder_alloc_buf|pid \d)")
"""Of a message that is understood once it is whole."""
_OTHER = re.compile(
    r"(?P<pid>\d+)(?::(?P<tid>\d+))? \S.*|(?:release|send failed reply|binder_mmap|ioctl|Failure in|"
    r"BINDER_SET_CONTEXT_MGR|unexpected work|read only|write only|Failed|Got transaction|rust_).*"
)


def parse_message(text: str, line: int = 0) -> KernelMessage | None:
    """The driver's message in one line of a log; None if the line has none.

    The numbers of a mapping (`allocated: …, free: …`) are a message of kind `other` with a room.
    """
    if "inder" not in text:
        return None
    if match := _SUPPRESSED.match(text):
        rust, count = "rust_" in match["text"], int(match["count"])
        return KernelMessage(MessageKind.SUPPRESSED, match["text"], rust, count=count, line=line)
    match = _MESSAGE.match(text)
    if match is None:
        return None
    body, rust = match["text"].rstrip(), match["driver"] == "rust_binder"
    shown = f"{match['driver']}: {body}"
    if room := _ROOM.fullmatch(body):
        numbers = {name: int(value) for name, value in room.groupdict().items()}
        return KernelMessage(MessageKind.OTHER, shown, rust, room=MappingRoom(**numbers), line=line)
    for kind, pattern in _PATTERNS:
        if found := pattern.fullmatch(body):
            return _message(kind, shown, rust, found, line)
    other = _OTHER.fullmatch(body)
    return None if other is None else _message(MessageKind.OTHER, shown, rust, other, line)


def parse_kernel_log(text: str, *, first_line: int = 1) -> tuple[KernelMessage, ...]:
    """The driver's messages in a kernel log; the numbers of a full mapping belong to the message before."""
    messages: list[KernelMessage] = []
    for number, line in numbered_lines(text):
        if messages and (whole := with_next_line(messages[-1], line)):
            messages[-1] = whole
        elif message := parse_message(line, number + first_line - 1):
            add_message(messages, message)
    return tuple(messages)


def with_next_line(message: KernelMessage, line: str) -> KernelMessage | None:
    """The message that a broken one and the next line are together; None where they are none.

    A terminal breaks a line inside of a word, a mail program between two, and quotes the next line.
    """
    if message.kind != MessageKind.OTHER or not _BEGINNING.match(message.text):
        return None
    for between in (" ", ""):
        whole = parse_message(f"{message.text}{between}{line.lstrip('> ').rstrip()}", message.line)
        if whole and whole.kind != MessageKind.OTHER:
            return whole
    return None


def add_message(messages: list[KernelMessage], message: KernelMessage) -> None:
    """Add a message to those before it; the numbers of a full mapping to the message that they follow."""
    if message.room and message.kind == MessageKind.OTHER:
        for index in range(len(messages) - 1, max(len(messages) - 4, -1), -1):
            if messages[index].kind == MessageKind.NO_ADDRESS_SPACE and messages[index].room is None:
                messages[index] = replace(messages[index], room=message.room)
                return
    messages.append(message)


def receivers(messages: tuple[KernelMessage, ...]) -> Iterator[tuple[KernelMessage, KernelMessage]]:
    """Each transaction that found no space or no mapping, with the message that names the receiver's.

    They are next to each other: the allocator's message comes first in the kernel, but each is limited by
    itself, and a log may order them otherwise.
    """
    full = (MessageKind.NO_ADDRESS_SPACE, MessageKind.NO_ONEWAY_SPACE, MessageKind.ALLOCATION_FAILED)
    reasons = {
        errno.ENOSPC: full,
        errno.ESRCH: (MessageKind.NO_MAPPING,),
        None: (*full, MessageKind.NO_MAPPING),
    }
    for index, message in enumerate(messages):
        wanted = reasons.get(message.error_number, ()) if _found_no_space(message) else ()
        if wanted:
            near = (messages[index - 1] if index else None, *messages[index + 1 : index + 2])
            for other in near:
                if other and other.kind in wanted and message.to_pid in (None, other.pid, 0):
                    yield message, other
                    break


def _found_no_space(message: KernelMessage) -> bool:
    """Whether a transaction may have failed for the receiver's mapping; before 4.14 no errno shows that."""
    return message.kind == MessageKind.TRANSACTION_FAILED and message.return_error in (None, _BR_FAILED_REPLY)


def _message(kind: MessageKind, text: str, rust: bool, match: re.Match[str], line: int) -> KernelMessage:
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    call_type, one_way = found.pop("call_type", None), found.pop("one_way", None)
    numbers: dict[str, Any] = {name: int(value) for name, value in found.items()}
    message = KernelMessage(kind, text, rust, line=line, **numbers)
    if call_type:
        message = replace(message, call_type="call" if call_type == "transaction" else call_type)
    if one_way:
        message = replace(message, one_way=one_way == "true")
    if call_type == "async":
        message = replace(message, one_way=True)
    if rust and (name := _ERRNO.search(text)):
        message = replace(message, error_number=getattr(errno, name[0], None))
    if rust and (returned := _RETURN.search(text)):
        message = replace(message, return_name=returned[0])
    return message
