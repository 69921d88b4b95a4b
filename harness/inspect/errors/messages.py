"""What the driver's messages and the entries of its logs mean."""

from __future__ import annotations

from dataclasses import replace

from harness.binder.abi.uapi import BinderReturn
from harness.binder.refusals.commands import message_meaning
from harness.binder.refusals.driver import (
    DEAD,
    FAILED,
    NOT_MAPPED,
    ONEWAY_SPAM,
    STILL_ACTIVE,
    SUPPRESSED,
    UNDELIVERED,
    refusal,
)
from harness.binder.refusals.refusal import NOBODY
from harness.binder.refusals.space import TOO_LARGE, never_fits, no_space
from harness.framework.dumps.processes import ProcessNames
from harness.inspect.errors.explanation import Explanation, code_name, explanation
from harness.kernel.binder_debug.kernel_log import KernelMessage, MessageKind
from harness.kernel.binder_debug.transaction_log import LogEntry
from harness.kernel.concise import counted


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
            entry = message_meaning(message.text)
        case _:
            entry = _OTHERS[message.kind]
    if entry is None:
        return None
    count = f" There are {message.count:,} of them." if message.count else ""
    found = explanation(
        message.text,
        entry,
        subject=names.title(message.pid) if message.pid else "",
        process=None if entry.at_fault == NOBODY else message.pid,
    )
    return replace(found, meaning=f"{found.meaning}{count}")


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
        return explanation(f"{shown}: this kernel logs no reason", reason, process=entry.to_pid)
    number = abs(entry.return_error_param or 0)
    found = refusal(entry.return_error, number, to_pid=entry.to_pid)
    if found is None:
        return None
    error = f"{shown}: {code_name(entry.return_error, number)}"
    if found is not TOO_LARGE:
        return explanation(error, found, process=entry.to_pid)
    size = entry.data_size + entry.offsets_size
    process = entry.from_pid if never_fits(size, entry.call_type.value) else entry.to_pid
    return explanation(error, no_space(size, entry.call_type.value), process=process)


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
    subject = (
        f"{names.title(message.pid or 0)}{sent}{to} and received {code_name(code or 0, message.error_number)}"
    )
    if near and message.error_number is None:  # which old kernels do not show
        entry = NOT_MAPPED if near.kind == MessageKind.NO_MAPPING else TOO_LARGE
    if entry is not TOO_LARGE:
        at_fault = receiver if near else None
        return explanation(message.text, entry, subject=subject, process=at_fault)
    call_type = message.call_type or ("async" if near and near.kind == MessageKind.NO_ONEWAY_SPACE else None)
    at_fault = message.pid if never_fits(size, call_type) else receiver
    return explanation(message.text, no_space(size, call_type), subject=subject, process=at_fault)


def _no_space(message: KernelMessage, names: ProcessNames) -> Explanation:
    one_way = message.kind == MessageKind.NO_ONEWAY_SPACE or bool(message.one_way)
    # The allocator does not know whether it makes room for a call or for a reply.
    entry = no_space(message.size, "async" if one_way else "call")
    owner = f"the mapping of {names.title(message.pid)}" if message.pid else "the receiver's mapping"
    size = "that is large enough" if message.size is None else f"of {message.size:,} bytes"
    meaning = f"{owner} has no free piece {size}."
    if one_way:
        size = "what is sent" if message.size is None else f"{message.size:,} bytes"
        meaning = f"the half of {owner} that one-way calls may use has no room for {size}."
    meaning += entry.meaning.partition(".")[2]
    at_fault = entry.at_fault
    if room := message.room:
        whole = room.allocated + room.free
        meaning += (
            f" Of {whole:,} bytes, {counted(room.buffers, 'buffer')} take up {room.allocated:,} (the largest "
            f"{room.largest_buffer:,}); {room.free:,} are free, {room.largest_hole:,} of them in one piece."
        )
        if message.size and message.size <= whole:
            meaning += " The receiver does not free its buffers, or does not take its transactions."
        if message.size and whole < message.size:
            at_fault = f"the sender: this receiver maps {whole:,} bytes, and can never take so much"
    found = explanation(
        message.text,
        entry,
        process=None if never_fits(message.size, "async" if one_way else "call") else message.pid,
    )
    return replace(found, meaning=meaning, at_fault=at_fault)


_OTHERS = {
    MessageKind.NO_MAPPING: NOT_MAPPED,
    MessageKind.ONEWAY_SPAM: ONEWAY_SPAM,
    MessageKind.STILL_ACTIVE: STILL_ACTIVE,
    MessageKind.UNDELIVERED: UNDELIVERED,
    MessageKind.SUPPRESSED: SUPPRESSED,
}
