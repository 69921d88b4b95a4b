"""What the driver's messages about a process's own commands and requests mean.

Sources: binder_user_error, binder_txn_error and pr_err in drivers/android/binder.c (Linux 3.10 to 7.3), and
pr_warn in drivers/android/binder (Linux 6.18 to 7.3).
"""

from __future__ import annotations

import errno
import re
from dataclasses import replace

from harness.binder.abi.uapi import BinderIoctl
from harness.binder.refusals.driver import BY_ERRNO, DEAD, errno_name
from harness.binder.refusals.refusal import NOBODY, Refusal

_MALFORMED = Refusal(
    meaning="the sender's data is malformed, and the driver refused the transaction: BR_FAILED_REPLY, "
    "EINVAL.",
    at_fault="the sender: its parcel was changed while it was sent, or was not made by libbinder",
    decided_by="the offsets in the transaction and the objects at them: in order, aligned to 4 bytes, whole",
    look_at="threads that share one parcel, code that writes objects as bytes, and a 32-bit process on a "
    "64-bit driver",
    claims=("proto.translation", "limit.failure-clean"),
)
_HANDLE = replace(
    _MALFORMED,
    meaning="the sender used a handle that it does not hold, or no longer: BR_FAILED_REPLY with EINVAL or, "
    "by the driver in Rust, ENOENT.",
    at_fault="the sender, which dropped its last reference too early, or took the number from elsewhere",
    decided_by="the references of this process: each handle is the process's own",
    look_at="`ref` lines of the process in the state; code that keeps handles beyond their BpBinder, or "
    "across a fork",
    claims=("proto.refcounts",),
)
_STACK = replace(
    BY_ERRNO[errno.EPROTO],
    meaning="the thread sent a reply without a call to answer, or a call that does not fit what it has under "
    "way.",
    at_fault="the process, which breaks Binder's protocol: libbinder does not",
    look_at="code that uses the driver without libbinder, or on several threads at once; a fork in between",
)
_COUNTS = Refusal(
    meaning="the process gave the driver a command that does not fit its own records; the driver ignored it.",
    at_fault="the process itself: it dropped or freed something twice, or after a fork",
    decided_by="the references, buffers, threads and death notifications that the driver has of this process",
    look_at="code that uses the driver without libbinder; double unlinkToDeath or free; a fork after "
    "libbinder was first used",
    claims=("proto.refcounts", "proto.free-buffer"),
)
MANAGER_TAKEN = Refusal(
    meaning="somebody is the context manager of this device already: there is one, until it closes the file.",
    at_fault="the process that asks: a second service manager, or one in another container on the same "
    "device",
    decided_by="who called BINDER_SET_CONTEXT_MGR first, and whether that process still has the device open",
    look_at="which process has node 1 in the state; in a container: a binderfs instance of its own",
    claims=("sm.single",),
)

_MESSAGES: tuple[tuple[str, Refusal], ...] = (
    (
        r"transaction with invalid (?:data|offsets) ptr|copy (?:data|offset)\w* .*failed",
        BY_ERRNO[errno.EFAULT],
    ),
    (r"with fd, \d+, but target does not allow fds", BY_ERRNO[errno.EPERM]),
    (r"transaction with invalid fd, ", BY_ERRNO[errno.EBADF]),
    (r"transaction (?:to|with) invalid handle|translate handle failed", _HANDLE),
    (r"tried to use weak ref as strong ref", _HANDLE),
    (
        r"transaction to context manager from process owning it|self transactions not allowed",
        replace(
            _HANDLE, meaning="the context manager called handle 0, which is itself.", look_at="that process"
        ),
    ),
    (r"failed to get security context", BY_ERRNO[errno.EINVAL]),
    (r"transaction credentials failed|translate (?:binder|fd\w*) failed", BY_ERRNO[errno.EPERM]),
    (
        r"reply target not found|cannot find target node|send failed reply .*target dead|"
        r"dead process or thread",
        DEAD,
    ),
    (r"send failed reply for transaction", replace(DEAD, meaning="a call got no reply: its receiver ended.")),
    (
        r"got (?:reply|new) transaction with (?:no|bad)|new transaction not allowed when|"
        r"bad target transaction",
        _STACK,
    ),
    (
        r"(?:got|Got) transaction with|parent offset not aligned|not enough space to store|"
        r"invalid ptr object size|"
        r"cookie mismatch .*sending|sending u\w+ node|extra_buffers_size|failed to fixup parent",
        _MALFORMED,
    ),
    (
        r"invalid (?:dec|inc|ref)|refcount change on|BC_FREE_BUFFER|BC_REGISTER_LOOPER|BC_ENTER_LOOPER|"
        r"DEATH_NOTIFICATION|BC_DEAD_BINDER_DONE|BC_\w+_DONE|cookie mismatch|tried to acquire|"
        r"unknown command|"
        r" no match$",
        _COUNTS,
    ),
    (r"BINDER_SET_CONTEXT_MGR already set", MANAGER_TAKEN),
    (
        r"BINDER_SET_CONTEXT_MGR bad uid",
        replace(
            MANAGER_TAKEN,
            meaning="another user was this device's context manager first, and the driver keeps that user.",
            decided_by="the uid of the first context manager since the device was made",
            look_at="as which user the service manager runs; a new binderfs device has no user yet",
        ),
    ),
    (
        r"binder_mmap: .* failed ",
        replace(
            BY_ERRNO[errno.ESRCH],
            meaning="the process could not map its binder file, and receives nothing: a file is mapped once, "
            "and by the process that opened it.",
            at_fault="the process that maps it",
            look_at="a second mmap of the file, or one after a fork",
            claims=("mmap.opener-only",),
        ),
    ),
)
_FORMS = tuple((re.compile(form), meaning) for form, meaning in _MESSAGES)
_IOCTL = re.compile(r"\bioctl (?P<request>[0-9a-f]{8}) [0-9a-f]+ returned -?(?P<error>\d+)")
_ASKS = re.compile(rf"\bioctl [0-9a-f]{{8}} 0 returned -(?:{errno.EFAULT}|{errno.EINVAL})\b")
_NAMES = {request & 0xFF: request.name for request in BinderIoctl}

_NOT_KNOWN = Refusal(
    meaning="this kernel's driver does not know the request. libbinder asks for it where it can, and goes on "
    "without it: it is harmless.",
    at_fault=NOBODY,
    decided_by="the release of the kernel",
    look_at="nothing, unless the caller needs it",
    claims=("proto.ioctls",),
)
_SINCE = {
    "BINDER_GET_NODE_INFO_FOR_REF": "Linux 4.20",
    "BINDER_SET_CONTEXT_MGR_EXT": "Linux 5.0",
    "BINDER_FREEZE": "Linux 5.13",
    "BINDER_GET_FROZEN_INFO": "Linux 5.13",
    "BINDER_ENABLE_ONEWAY_SPAM_DETECTION": "Linux 5.13",
    "BINDER_GET_EXTENDED_ERROR": "Linux 5.19",
}
_REQUESTS: dict[tuple[str, int], Refusal] = {
    ("BINDER_SET_CONTEXT_MGR", errno.EBUSY): MANAGER_TAKEN,
    ("BINDER_SET_CONTEXT_MGR_EXT", errno.EBUSY): MANAGER_TAKEN,
    ("BINDER_FREEZE", errno.EAGAIN): replace(
        BY_ERRNO[errno.EAGAIN], meaning="the process could not be frozen: it has transactions under way."
    ),
}
_REFUSED = Refusal(
    meaning="the driver refused the request.",
    at_fault="the process that made it",
    decided_by="the errno: EINVAL for malformed arguments or commands, EFAULT for an address, EBADF and "
    "EPERM as everywhere",
    look_at="the message before this one in the kernel log, which names the command",
    claims=("proto.ioctls",),
)


def message_meaning(text: str) -> Refusal | None:
    """What one of the driver's messages about a command or a request means; None for others."""
    if found := _IOCTL.search(text):
        request = int(found["request"], 16)  # of a 32-bit process it has another size: its number decides
        return request_meaning(_NAMES.get(request & 0xFF, f"request {request:#x}"), int(found["error"]))
    return next((meaning for form, meaning in _FORMS if form.search(text)), None)


def only_asks(text: str) -> bool:
    """Whether a message is of a request with a null pointer, which asks whether the driver knows it."""
    return _ASKS.search(text) is not None


def request_meaning(name: str, number: int) -> Refusal:
    """What it means that a request of ioctl(2) ended in an errno."""
    since = _SINCE.get(name)
    entry = _REQUESTS.get((name, number))
    if entry is None and number == errno.EINVAL and (since or name.startswith("request")):
        entry = _NOT_KNOWN
    entry = entry or _REFUSED
    known = f" {name} is there since {since}." if entry is _NOT_KNOWN and since else ""
    return replace(entry, meaning=f"{name} ended in {errno_name(number)}: {entry.meaning}{known}")
