"""Detects the generation of the service manager, by calls that are harmless for every generation."""

from __future__ import annotations

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.binder.abi import objects
from harness.binder.endpoint import Binder
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
    Kind,
    with_methods,
)

KNOWN_NAME = "manager"
"""The name of the service manager itself since Android 11; it does not matter whether it is found."""
CHECK_SERVICE = 2
"""The code of checkService if the third method is addService."""
THIRD = 3
MOST_METHODS = 64
_UNION_PRESENT = 1
_STABILITY_SIZE = 4


def find_dialect(binder: Binder, deadline: Deadline) -> Dialect:
    """The dialect of the context manager. Raises HarnessError if it has none, and what `transact` does.

    A header of another kind of process is refused with BAD_TYPE: the one that is not, is used.
    """
    for kind in Kind:
        try:
            return _find_dialect_of(kind, binder, deadline)
        except StatusError as error:
            if error.status != StatusCode.BAD_TYPE:
                raise
    raise HarnessError(
        f"The context manager of {binder.file.path} refuses the headers of system, vendor and recovery "
        "processes (SYST, VNDR, RECO). That of /dev/hwbinder is hwservicemanager, which speaks HIDL and not "
        "AIDL: services are found on /dev/binder, and a vendor's on /dev/vndbinder."
    )


def _find_dialect_of(kind: Kind, binder: Binder, deadline: Deadline) -> Dialect:
    """The dialect, if the context manager is of this kind; StatusError with BAD_TYPE if it is not.

    The third method, called with only a name, distinguishes the orders of methods: addService refuses that
    without reading the name, checkService answers with a binder or with a union. A service manager in C
    refuses the call's header. The number of methods distinguishes the rest.
    """
    try:
        answer = _ask(binder, ANDROID_13.of(kind), THIRD, deadline)
    except StatusError as error:
        if error.status == StatusCode.BAD_TYPE:
            raise
        if error.status == StatusCode.PERMISSION_DENIED:
            return _dialect_in_c(binder, deadline)
        candidates = _adding_third(kind, binder, deadline)
    except RemoteError:
        candidates = _adding_third(kind, binder, deadline)
    else:
        candidates = CHECKING_IN_UNION_THIRD if holds_union(answer) else CHECKING_THIRD
    fewest = min(len(dialect.methods) for dialect in candidates)
    count = _count_methods(binder, candidates[0].of(kind), fewest, deadline)
    return with_methods(count, candidates).of(kind)


def holds_union(answer: ParcelReader) -> bool:
    """Whether an answer without an exception contains a union, not a binder."""
    return ParcelReader(answer.data[4:8]).int32() == _UNION_PRESENT


def has_versioned_stability(answer: ParcelReader) -> bool:
    """Whether an answer that ends in a binder or null has Android 12's stability, whose low byte is 1."""
    return ParcelReader(answer.data[-_STABILITY_SIZE:]).uint32() & 0xFF == ANDROID_12.wire.null_stability


def _dialect_in_c(binder: Binder, deadline: Deadline) -> Dialect:
    for dialect in DIALECTS_IN_C:
        try:
            _ask(binder, dialect, CHECK_SERVICE, deadline)
        except StatusError:
            continue
        return dialect
    raise HarnessError(
        f"The context manager of {binder.file.path} refuses the calls of every Android from 9 to 16: it is "
        "not a service manager."
    )


def _adding_third(kind: Kind, binder: Binder, deadline: Deadline) -> tuple[Dialect, ...]:
    answer = _ask(binder, ANDROID_11.of(kind), CHECK_SERVICE, deadline)
    versioned = has_versioned_stability(answer)
    return tuple(dialect for dialect in ADDING_THIRD if (dialect is ANDROID_12) == versioned)


def _ask(binder: Binder, dialect: Dialect, code: int, deadline: Deadline) -> ParcelReader:
    """Call a method with a name; the answer after its exception header. Raises RemoteError, StatusError."""
    answer = binder.transact(0, code, dialect.request().string16(KNOWN_NAME), deadline=deadline)
    binder.references.release(*objects.handles(answer.data, answer.offsets))
    return answer if dialect.in_c else answer.check_exception()


def _count_methods(binder: Binder, dialect: Dialect, fewest: int, deadline: Deadline) -> int:
    """The number of methods, at least `fewest`.

    A method called without arguments returns an error, unless it takes none, like getServiceDebugInfo.
    """
    for code in range(fewest + 1, MOST_METHODS):
        try:
            answer = binder.transact(0, code, dialect.request(), deadline=deadline)
        except StatusError as error:
            if error.status == StatusCode.UNKNOWN_TRANSACTION:
                return code - 1
        else:
            binder.references.release(*objects.handles(answer.data, answer.offsets))
    return MOST_METHODS
