"""What an error of Binder means: a line of a log, an exception, a code."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass, replace

from emulator.base.lines import without_long_numbers
from harness.binder.abi.uapi import BinderReturn
from harness.binder.parcels.status import StatusCode
from harness.binder.refusals import (
    DEAD,
    FAILED,
    LARGEST_ONEWAY,
    LIBBINDER_MAPPING,
    NO_ERRORS,
    NOT_MAPPED,
    ONEWAY_SPAM,
    STILL_ACTIVE,
    SUPPRESSED,
    TOO_LARGE,
    UNDELIVERED,
    Refusal,
    about_size,
    errno_name,
    refusal,
)
from harness.framework.dumps.log_lines import meaning_of
from harness.framework.dumps.processes import ProcessNames
from harness.kernel.binder_debug.kernel_log import KernelMessage, MessageKind, parse_message
from harness.kernel.binder_debug.transaction_log import LogEntry, parse_transaction_log
from harness.kernel.concise import counted

_PAIR = re.compile(r"(?<![\w/.])(?P<code>29\d{3})(?:/-?(?P<error>\d+))?(?![\w/])")
_HEX = re.compile(r"\b0x(?P<code>[0-9a-fA-F]{4,8})\b")
_STATUS = re.compile(r"-2147483\d{3}\b")
_BR = re.compile(r"\bBR_[A-Z_]+\b")
_ERRNO_NAME = re.compile(r"\bE[A-Z]{2,}[A-Z0-9]*\b")
_ERRNO_NUMBER = re.compile(r"(?<![\w/.-])-(?P<error>\d{1,3})(?![\w/.])")
_TOO_LARGE = re.compile(
    r"TransactionTooLargeException(?:.*?(?P<size>\d[\d,]*) bytes)?|"
    r"FAILED BINDER TRANSACTION(?:.*?parcel size = (?P<parcel>\d+))?"
)
_LONGEST_SHOWN = 300
_SIZE = re.compile(r"(?P<size>\d[\d,]*) bytes")
_WORDS = (
    (MessageKind.NO_ADDRESS_SPACE, re.compile(r"no address space")),
    (MessageKind.NO_ONEWAY_SPACE, re.compile(r"no async space")),
    (MessageKind.NO_MAPPING, re.compile(r"\bno vma\b")),
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What one error means."""

    error: str
    """The line or code, as it was found."""
    meaning: str
    at_fault: str
    decided_by: str
    look_at: str
    claims: tuple[str, ...] = ()
    """The claims that measure it."""
    process: int | None = None
    """The process at fault, where the line shows it."""


def explain(text: str, names: ProcessNames | None = None) -> tuple[Explanation, ...]:
    """Every error of Binder in a text of any number of lines; none where there is none."""
    return tuple(
        found
        for line in without_long_numbers(text).splitlines()
        if line.strip() and (found := explain_line(line.strip(), names))
    )


def explain_line(line: str, names: ProcessNames | None = None, *, alone: bool = True) -> Explanation | None:
    """The error in one line: the kernel's message, an entry of a log, an exception, a code.

    Not `alone` it is one of a longer text, in which a number or the name of an errno is of anything.
    """
    names = names or ProcessNames()
    if message := parse_message(line):
        return explain_message(message, names)
    if entries := parse_transaction_log(line).entries:
        return explain_entry(entries[0], names)
    if match := _TOO_LARGE.search(line):
        digits = match["size"] or match["parcel"] or ((size := _SIZE.search(line)) and size["size"])
        return _too_large(line, int(digits.replace(",", "")) if digits else None)
    if meaning := meaning_of(line):
        return _explanation(line, meaning)
    for kind, words in _WORDS:
        if words.search(line):
            return explain_message(KernelMessage(kind, line), names)
    if alone or ((pair := _PAIR.search(line)) and pair["error"]) or ("_REPLY" in line and _BR.search(line)):
        return _explain_code(line)
    return None


def explain_message(
    message: KernelMessage, names: ProcessNames, near: KernelMessage | None = None
) -> Explanation | None:
    """A message of the driver; `near` is the one that names the receiver's mapping."""
    match message.kind:
        case MessageKind.TRANSACTION_FAILED:
            return _failed(message, names, near)
        case MessageKind.NO_ADDRESS_SPACE | MessageKind.NO_ONEWAY_SPACE | MessageKind.ALLOCATION_FAILED:
            return _no_space(message, names)
        case MessageKind.OTHER:
            return None
    entry = _OTHERS[message.kind]
    subject = f"{names.title(message.pid)}: " if message.pid else ""
    count = f" There are {message.count:,} of them." if message.count else ""
    found = _explanation(message.text, entry, message.pid)
    return replace(found, meaning=f"{subject}{entry.meaning}{count}")


def explain_entry(entry: LogEntry, names: ProcessNames, *, failed: bool = False) -> Explanation | None:
    """A failed transaction in a transaction log; None for one that did not fail.

    Before Linux 4.14 only the log's name shows that: it is of the `failed` ones.
    """
    if not entry.failed and not entry.return_error_param and not failed:
        return None
    shown = f"transaction {entry.debug_id}, {entry.call_type.value} of {names.title(entry.from_pid)}"
    shown += f" to {names.title(entry.to_pid)}" if entry.to_pid else f" to handle {entry.handle}"
    if entry.return_error is None:
        reason = FAILED if entry.to_pid else DEAD
        return _explanation(f"{shown}: this kernel logs no reason", reason, entry.to_pid)
    number = abs(entry.return_error_param or 0)
    found = refusal(entry.return_error, number, to_pid=entry.to_pid)
    if found is None:
        return None
    explanation = _explanation(f"{shown}: {_code(entry.return_error, number)}", found, entry.to_pid)
    sizes = about_size(entry.data_size, entry.call_type.value == "async") if found is TOO_LARGE else ""
    return replace(explanation, meaning=f"{found.meaning}{sizes}")


def _explanation(error: str, entry: Refusal, process: int | None = None) -> Explanation:
    shown = error if len(error) <= _LONGEST_SHOWN else f"{error[:_LONGEST_SHOWN]}…"
    return Explanation(
        shown, entry.meaning, entry.at_fault, entry.decided_by, entry.look_at, entry.claims, process or None
    )


def _failed(message: KernelMessage, names: ProcessNames, near: KernelMessage | None) -> Explanation | None:
    name = message.return_name or ("BR_FAILED_REPLY" if message.rust else None)
    named = BinderReturn.__members__.get(name or "")
    code = message.return_error if named is None else named
    entry = refusal(code or 0, message.error_number, to_pid=message.to_pid)
    if entry is None:
        return None
    receiver = message.to_pid or (near.pid if near else None)
    size = None if message.size is None else message.size + (message.offsets_size or 0)
    sent = "" if size is None else f" sent {size:,} bytes"
    to = f" to {names.title(receiver)}" if receiver else ""
    sizes = "" if entry is not TOO_LARGE or size is None else about_size(size, bool(message.one_way))
    found = _explanation(message.text, entry, receiver if entry is TOO_LARGE else None)
    subject = (
        f"{names.title(message.pid or 0)}{sent}{to} and received {_code(code or 0, message.error_number)}"
    )
    found = replace(found, meaning=f"{subject}: {entry.meaning}{sizes}")
    return _never_fits(found, size, bool(message.one_way)) if entry is TOO_LARGE else found


def _no_space(message: KernelMessage, names: ProcessNames) -> Explanation:
    one_way = message.kind == MessageKind.NO_ONEWAY_SPACE or bool(message.one_way)
    owner = f"the mapping of {names.title(message.pid)}" if message.pid else "the receiver's mapping"
    size = "that is large enough" if message.size is None else f"of {message.size:,} bytes"
    meaning = f"{owner} has no free piece {size}."
    if one_way:
        size = "what is sent" if message.size is None else f"{message.size:,} bytes"
        meaning = f"the half of {owner} that one-way calls may use has no room for {size}."
    if message.size:
        meaning += about_size(message.size, one_way)
    if room := message.room:
        whole = room.allocated + room.free
        meaning += (
            f" Of {whole:,} bytes, {counted(room.buffers, 'buffer')} take up {room.allocated:,} (the largest "
            f"{room.largest_buffer:,}); {room.free:,} are free, {room.largest_hole:,} of them in one piece."
        )
        if message.size and message.size <= whole:
            meaning += " The receiver does not free its buffers, or does not take its transactions."
    found = replace(_explanation(message.text, TOO_LARGE, message.pid), meaning=meaning)
    return _never_fits(found, message.size, one_way)


def _never_fits(found: Explanation, size: int | None, one_way: bool) -> Explanation:
    """The explanation, which blames the sender alone for what is larger than any receiver can take."""
    if size is None or size <= (LARGEST_ONEWAY if one_way else LIBBINDER_MAPPING):
        return found
    return replace(
        found,
        at_fault="the sender: no receiver on libbinder can take so much",
        look_at="what it sends: give a descriptor of shared memory, or send it in pieces",
        process=None,
    )


def _too_large(line: str, size: int | None) -> Explanation:
    meaning = (
        "a transaction of more than 200 KiB failed, and Java takes that for its size, whatever the reason "
        "was (android_util_Binder.cpp); smaller ones that fail raise DeadObjectException."
    )
    if size is not None:
        meaning += about_size(size, one_way=None)
    return replace(_explanation(line, TOO_LARGE), meaning=meaning)


def _explain_code(text: str) -> Explanation | None:
    if match := _PAIR.search(text):
        error = None if match["error"] is None else int(match["error"])
        return _by_code(text, int(match["code"]), error)
    if (match := _HEX.search(text)) and (found := _by_code(text, int(match["code"], 16), None)):
        return found
    if match := _STATUS.search(text):
        return _by_status(text, int(match[0]))
    name = _BR.search(text)
    number = _errno_in(text)
    if name:
        code = BinderReturn.__members__.get(name[0])
        return None if code is None else _by_code(text, code, number)
    if number is None:
        return None
    return _by_code(text, BinderReturn.BR_FAILED_REPLY, number)


def _errno_in(text: str) -> int | None:
    if match := _ERRNO_NUMBER.search(text):
        return int(match["error"])
    numbers = (getattr(errno, name, None) for name in _ERRNO_NAME.findall(text))
    return next((number for number in numbers if isinstance(number, int)), None)


def _by_code(text: str, code: int, number: int | None) -> Explanation | None:
    entry = refusal(code, number)
    if entry is not None:
        found = _explanation(text, entry)
        return replace(found, meaning=f"{_code(code, number)}: {entry.meaning}")
    if code in NO_ERRORS:
        meaning = f"{BinderReturn(code).name}: {NO_ERRORS[BinderReturn(code)]}"
        return Explanation(text, meaning, "nobody", "the protocol of the driver", "nothing: it is no error")
    return None if number is None else _by_status(text, -number)


def _by_status(text: str, status: int) -> Explanation | None:
    """libbinder's own numbers: two are its words for the driver's answers, the others a service's."""
    if status not in StatusCode._value2member_map_:
        return None
    entry = {StatusCode.DEAD_OBJECT: DEAD, StatusCode.FAILED_TRANSACTION: FAILED}.get(StatusCode(status))
    if entry is not None:
        found = _explanation(text, entry)
        return replace(found, meaning=f"{StatusCode(status).name}, as libbinder calls it: {entry.meaning}")
    return Explanation(
        text,
        f"{StatusCode(status).name}, as libbinder calls it; the driver refuses nothing with it.",
        "the called object, which answered so",
        "the code of its onTransact",
        "the interface's transaction numbers, and the service's own log",
        ("call.marshalling",),
    )


def _code(code: int, number: int | None) -> str:
    name = BinderReturn(code).name if code in BinderReturn._value2member_map_ else str(code)
    if not number:
        return name
    return f"{name} ({errno_name(number)})"


_OTHERS = {
    MessageKind.NO_MAPPING: NOT_MAPPED,
    MessageKind.ONEWAY_SPAM: ONEWAY_SPAM,
    MessageKind.STILL_ACTIVE: STILL_ACTIVE,
    MessageKind.UNDELIVERED: UNDELIVERED,
    MessageKind.SUPPRESSED: SUPPRESSED,
}
