"""What the driver's answers mean, and its messages about transactions.

The reasons are those of binder_transaction in drivers/android/binder.c (Linux 6.12), BinderError in
drivers/android/binder/error.rs (Linux 6.18), and what the claims named here measure.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import replace

from harness.binder.abi.uapi import BinderReturn
from harness.binder.refusals.refusal import NOBODY, Refusal
from harness.binder.refusals.space import TOO_LARGE

_NO_SECURITY_MODULE = Refusal(
    # Of the hook secid_to_secctx where no module has it (include/linux/lsm_hook_defs.h, since Linux 5.8).
    meaning="the receiver requests its callers' security contexts, as AOSP's service managers do, and the "
    "kernel has no security module that gives any. Boot with SELinux, or use a context manager that does not "
    "request them.",
    at_fault="neither: the kernel lacks what the receiver asks for (FLAT_BINDER_FLAG_TXN_SECURITY_CTX)",
    decided_by="the kernel's security module: CONFIG_SECURITY_SELINUX, and `security=selinux` or `lsm=` on "
    "the kernel's command line",
    look_at="/sys/kernel/security/lsm, and whether every call to this service fails, as it then does",
)
DEAD = Refusal(
    meaning="the object's process is dead or closed its binder file, or nobody is the context manager: "
    "look the service up again.",
    at_fault="the receiver, which is gone",
    decided_by="whether the process that owns the node has the binder device open",
    look_at="why the receiver ended: the log before this line, tombstones, and whether it is started again",
    claims=("proto.death", "sm.death-forgets"),
)
NO_CONTEXT_MANAGER = Refusal(
    # binder_transaction sets -EINVAL for every target without a process; for handle 0 that is the manager's.
    meaning="nobody is the context manager of this binder device: the service manager died or never came. "
    "With another handle than 0, the object's process is dead. A size of 0-0 is a ping, which libbinder "
    "sends to handle 0 first.",
    at_fault="the service manager of that device, which has ended or has not started; never the sender",
    decided_by="which process called BINDER_SET_CONTEXT_MGR on /dev/binder, /dev/hwbinder or /dev/vndbinder",
    look_at="whether servicemanager, hwservicemanager or vndservicemanager runs, and whether the caller "
    "opened the device that it serves; the handle is in failed_transaction_log",
    claims=("sm.handle-zero", "sm.single", "sm.restart"),
)
FROZEN = Refusal(
    meaning="the object's process is frozen (BINDER_FREEZE): thaw it first, or send one-way.",
    at_fault="the caller, which makes a synchronous call to a cached app",
    decided_by="the freezer: the activity manager's list of frozen apps, or whoever calls BINDER_FREEZE",
    look_at="`dumpsys activity` under `Apps frozen`, and what the caller wants of an app in the background",
)

BY_ERRNO = {
    errno.ENOSPC: TOO_LARGE,  # more of it is known with a size: space.no_space
    errno.EOPNOTSUPP: _NO_SECURITY_MODULE,
    errno.EFAULT: Refusal(
        meaning="an address in the transaction cannot be read.",
        at_fault="the sender",
        decided_by="the pointers in its binder_transaction_data and in its buffer objects",
        look_at="the sender's parcel: freed or unmapped while it was sent?",
    ),
    errno.EINVAL: Refusal(
        meaning="a handle, an offset or an object in the data is invalid (see the kernel log), or the "
        "receiver requests security contexts and the kernel has none.",
        at_fault="the sender, whose data is malformed; or neither, where no call to this service works",
        decided_by="the objects in the data; for a handle of the target, whether the sender holds it; for "
        "security contexts, the kernel's security module; in Rust, also the thread's transaction stack, for "
        "which the driver in C has EPROTO",
        look_at="the message before this one in the kernel log (`got transaction with invalid …`), and "
        "/sys/kernel/security/lsm",
        claims=("proto.translation", "proto.refcounts"),
    ),
    errno.ENOENT: Refusal(
        # ProcessInner's handles in drivers/android/binder/process.rs; the driver in C has EINVAL for it.
        meaning="the sender does not hold the handle that it calls, or one in the data: the driver in Rust "
        "has this number for what is EINVAL in C.",
        at_fault="the sender, which dropped its last reference too early, or took the number from elsewhere",
        decided_by="the references of the sender's process: each handle is the process's own",
        look_at="`ref` lines of the process in the state; code that compares with EINVAL",
        claims=("proto.refcounts",),
    ),
    errno.EPERM: Refusal(
        meaning="a security policy forbids it, or the receiver accepts no file descriptors.",
        at_fault="the sender, by the policy",
        decided_by="SELinux's rules `binder call` and `binder transfer`, and FLAT_BINDER_FLAG_ACCEPTS_FDS of "
        "the called node (TF_ACCEPT_FDS for a reply)",
        look_at="`avc: denied` in the kernel log at the same time",
    ),
    errno.EBADF: Refusal(
        meaning="a file descriptor in the data is not open.",
        at_fault="the sender",
        decided_by="the sender's table of descriptors when it sends",
        look_at="who closes that descriptor before the call",
    ),
    errno.ENOMEM: Refusal(
        meaning="the kernel has no memory, or the receiver has not mapped its binder file.",
        at_fault="the receiver, or the whole device",
        decided_by="the memory of the device, and the receiver's mmap of its binder file",
        look_at="the kernel log (`no vma`, `page allocation failure`) and /proc/meminfo",
    ),
    errno.EPROTO: Refusal(
        meaning="this thread still waits for the reply to an earlier call: use another thread, or cancel the "
        "call with thread_exit().",
        at_fault="the sender",
        decided_by="the thread's transaction stack",
        look_at="the thread's `outgoing transaction` lines in the state",
    ),
    errno.ESRCH: Refusal(
        meaning="the receiver has not mapped its binder file, or is dying.",
        at_fault="the receiver",
        decided_by="whether it has mapped the binder file, and lives",
        look_at="`no vma` in the kernel log, and whether the process is ending",
    ),
    errno.EAGAIN: Refusal(
        meaning="the receiver's process is being frozen, and had transactions under way.",
        at_fault="neither",
        decided_by="the freezer",
        look_at="`dumpsys activity` under `Apps frozen`",
    ),
    errno.EMFILE: Refusal(
        meaning="the receiver has no descriptor free for a file in the data.",
        at_fault="the receiver, which leaks descriptors or has a low limit",
        decided_by="its RLIMIT_NOFILE",
        look_at="/proc/PID/fd and /proc/PID/limits of the receiver",
        claims=("node.fd-limit",),
    ),
}
FAILED = Refusal(
    meaning="the driver refused the transaction, or the receiver's reply to it.",
    at_fault="the sender, more often than not",
    decided_by="the errno beside it, which old kernels do not show",
    look_at="failed_transaction_log in the binder debug files, and the kernel log",
    claims=("limit.failure-clean",),
)


NOT_MAPPED = Refusal(
    meaning="the receiver has not mapped its binder file, or is ending.",
    at_fault="the receiver",
    decided_by="whether it has mapped the file: libbinder does so when the process first uses it",
    look_at="what the process does at this moment: a start, a crash, an exec",
)
ONEWAY_SPAM = Refusal(
    meaning="it fills the one-way space of another process: over 50 unfreed buffers, or half of the space.",
    at_fault="the sender, by number; the receiver, if it is stuck",
    decided_by="less than a fifth of the one-way space being left",
    look_at="what the receiver does, and why the sender does not wait for an answer",
    claims=("mmap.async-half", "limit.largest-oneway"),
)
STILL_ACTIVE = Refusal(
    meaning="a thread ended with a transaction under way: `out` is a call whose reply it awaited, `in` one "
    "that it handled.",
    at_fault="whoever ended the thread or the process",
    decided_by="the exit or crash of that process",
    look_at="the log just before, for its exit; the other end receives BR_DEAD_REPLY if it waits",
    claims=("proto.death",),
)
UNDELIVERED = Refusal(
    meaning="work for a process that ended was dropped.",
    at_fault="whoever ended the process",
    decided_by="the exit of the receiver",
    look_at="the log just before",
)
SUPPRESSED = Refusal(
    meaning="the kernel left messages out, for it prints only so many in five seconds.",
    at_fault=NOBODY,
    decided_by="the rate limit of each message, which is not /proc/sys/kernel/printk_ratelimit",
    look_at="failed_transaction_log in the binder debug files, which keeps the last 32 failures",
)
NO_ERRORS: Mapping[BinderReturn, str] = {
    BinderReturn.BR_OK: "no news.",
    BinderReturn.BR_NOOP: "no news; the driver puts it in front of what it returns.",
    BinderReturn.BR_TRANSACTION: "a call or one-way call arrives.",
    BinderReturn.BR_TRANSACTION_SEC_CTX: "a call arrives, with its caller's security context.",
    BinderReturn.BR_REPLY: "the reply to a call arrives.",
    BinderReturn.BR_TRANSACTION_COMPLETE: "the driver has taken what this thread sent.",
    BinderReturn.BR_SPAWN_LOOPER: "the driver asks for one more thread in the pool.",
    BinderReturn.BR_INCREFS: "others hold the first weak reference to an object of this process.",
    BinderReturn.BR_ACQUIRE: "others hold the first strong reference to an object of this process.",
    BinderReturn.BR_RELEASE: "nobody holds a strong reference any more.",
    BinderReturn.BR_DECREFS: "nobody holds a weak reference any more.",
    BinderReturn.BR_CLEAR_DEATH_NOTIFICATION_DONE: "a death notification was taken back.",
    BinderReturn.BR_FROZEN_BINDER: "a process was frozen or thawed, as this one wanted to know.",
    BinderReturn.BR_CLEAR_FREEZE_NOTIFICATION_DONE: "a freeze notification was taken back.",
}
"""What the codes mean that are no error of anybody."""
PENDING_FROZEN = Refusal(
    # binder_proc_transaction, Linux 6.2: a one-way call to a frozen process is queued.
    meaning="the one-way call waits, for its receiver is frozen: it was sent, and is handled when the "
    "process is thawed.",
    at_fault="the sender, if it sends on and on: each call takes space in the frozen process's mapping",
    decided_by="the freezer: the activity manager's list of frozen apps, or whoever calls BINDER_FREEZE",
    look_at="`dumpsys activity` under `Apps frozen`, and whether the sender should wait until it is thawed",
    claims=("limit.largest-oneway",),
)
_NEWS = {
    BinderReturn.BR_DEAD_BINDER: Refusal(
        meaning="a process whose death this one wanted to know of has died.",
        at_fault="the process that died",
        decided_by="whether the process that owns the object lives",
        look_at="why it ended: the log before this line, tombstones; calls to its objects fail from now on",
        claims=("proto.death",),
    ),
    BinderReturn.BR_ONEWAY_SPAM_SUSPECT: replace(
        ONEWAY_SPAM,
        meaning="this process's one-way calls fill most of a receiver's space: over 50 unfreed buffers, or "
        "half of the space. The call was sent.",
        at_fault="the process that receives this code, which sends faster than its receiver handles; or the "
        "receiver, if it is stuck",
    ),
    BinderReturn.BR_TRANSACTION_PENDING_FROZEN: PENDING_FROZEN,
    BinderReturn.BR_ERROR: Refusal(
        meaning="a command could not be carried out; the number behind it is the errno.",
        at_fault="the process that wrote the command",
        decided_by="the command and its arguments",
        look_at="the errno, and the kernel log",
    ),
}
"""What the codes mean that end no transaction, and that somebody should see to."""


def refusal(command: int, error_number: int | None = None, *, to_pid: int | None = None) -> Refusal | None:
    """The entry for a BR_ code and a positive errno; None for a code that is no error.

    `to_pid` is the receiver's process where it is known; 0 says that the driver found none.
    """
    match command:
        case BinderReturn.BR_DEAD_REPLY:
            nobody = error_number == errno.EINVAL or (error_number is None and to_pid == 0)
            return NO_CONTEXT_MANAGER if nobody else DEAD
        case BinderReturn.BR_FROZEN_REPLY:
            return FROZEN
        case BinderReturn.BR_FAILED_REPLY:
            return FAILED if not error_number else BY_ERRNO.get(error_number)
        case _:
            return _NEWS.get(BinderReturn(command)) if command in _NEWS else None


def errno_name(error_number: int) -> str:
    """As the kernel's sources name it; Python's own table has EOPNOTSUPP under its other name, ENOTSUP."""
    if error_number == errno.EOPNOTSUPP:
        return "EOPNOTSUPP"
    return errno.errorcode.get(error_number, str(error_number))
