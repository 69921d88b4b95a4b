"""Finds out which generation of service manager answers, by asking it what is harmless to ask of any."""

from __future__ import annotations

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.binder.abi import commands, objects
from harness.binder.binder_thread import BinderThread
from harness.binder.errors import RemoteError, StatusError
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import StatusCode
from harness.binder.services.wire import (
    ADDING_THIRD,
    ANDROID_11,
    ANDROID_12,
    ANDROID_13,
    CHECKING_IN_UNION_THIRD,
    CHECKING_THIRD,
    DIALECTS_IN_C,
    Dialect,
    with_methods,
)

KNOWN_NAME = "manager"
"""Under which service managers since Android 11 list themselves; whether it is found makes no difference."""
CHECK_SERVICE = 2
"""The code of checkService where the third method is addService."""
THIRD = 3
MOST_METHODS = 64
_UNION_PRESENT = 1
_STABILITY_SIZE = 4


def find_dialect(thread: BinderThread, deadline: Deadline) -> Dialect:
    """The dialect of the context manager. Raises HarnessError where it speaks none, and what `transact` does.

    The third method, asked with a name alone, tells the orders of methods apart: addService refuses that
    without looking at the name, checkService answers with a binder or with a union. A service manager in C
    refuses the very header of the call. How many methods there are tells the rest.
    """
    try:
        answer = _ask(thread, ANDROID_13, THIRD, deadline)
    except StatusError as error:
        if error.status == StatusCode.PERMISSION_DENIED:
            return _dialect_in_c(thread, deadline)
        candidates = _adding_third(thread, deadline)
    except RemoteError:
        candidates = _adding_third(thread, deadline)
    else:
        candidates = CHECKING_IN_UNION_THIRD if holds_union(answer) else CHECKING_THIRD
    fewest = min(len(dialect.methods) for dialect in candidates)
    return with_methods(_count_methods(thread, candidates[0], fewest, deadline), candidates)


def holds_union(answer: ParcelReader) -> bool:
    """Whether an answer without an exception goes on with a union, and not with a binder."""
    return ParcelReader(answer.data[4:8]).int32() == _UNION_PRESENT


def has_versioned_stability(answer: ParcelReader) -> bool:
    """Whether an answer that ends in a binder has Android 12's stability, found or not: its low byte is 1."""
    return ParcelReader(answer.data[-_STABILITY_SIZE:]).uint32() & 0xFF == ANDROID_12.wire.null_stability


def _dialect_in_c(thread: BinderThread, deadline: Deadline) -> Dialect:
    for dialect in DIALECTS_IN_C:
        try:
            _ask(thread, dialect, CHECK_SERVICE, deadline)
        except StatusError:
            continue
        return dialect
    raise HarnessError(
        f"The context manager of {thread.file.path} refuses the calls of every Android from 9 to 16: "
        "it is no service manager, or one for vendors' processes, whose calls have a header of their own."
    )


def _adding_third(thread: BinderThread, deadline: Deadline) -> tuple[Dialect, ...]:
    answer = _ask(thread, ANDROID_11, CHECK_SERVICE, deadline)
    versioned = has_versioned_stability(answer)
    return tuple(dialect for dialect in ADDING_THIRD if (dialect is ANDROID_12) == versioned)


def _ask(thread: BinderThread, dialect: Dialect, code: int, deadline: Deadline) -> ParcelReader:
    """Call a method with a name; the answer, read up to its exception. Raises RemoteError and StatusError."""
    answer = thread.transact(0, code, dialect.request().string16(KNOWN_NAME), deadline=deadline)
    thread.say(*map(commands.Release, objects.handles(answer.data, answer.offsets)))
    return answer if dialect.in_c else answer.check_exception()


def _count_methods(thread: BinderThread, dialect: Dialect, known: int, deadline: Deadline) -> int:
    """How many methods there are, at least `known`.

    A method that is called without arguments complains of that, unless it takes none, as getServiceDebugInfo.
    """
    for code in range(known + 1, MOST_METHODS):
        try:
            answer = thread.transact(0, code, dialect.request(), deadline=deadline)
        except StatusError as error:
            if error.status == StatusCode.UNKNOWN_TRANSACTION:
                return code - 1
        else:
            thread.say(*map(commands.Release, objects.handles(answer.data, answer.offsets)))
    return MOST_METHODS
