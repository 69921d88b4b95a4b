"""What the statuses and exceptions mean that a reply contains in the place of a result.

Sources: frameworks/native/libs/binder (Parcel.cpp, Status.cpp, IInterface.h), what aidl generates for C++
(system/tools/aidl, generate_cpp.cpp), and android/os/Parcel.java; Android 4 to 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.binder.parcels.status import ExceptionCode, StatusCode
from harness.binder.refusals.driver import DEAD, FAILED
from harness.binder.refusals.refusal import Refusal

_SERVICE = "the called object, which answered so"
_OWN_LOG = "the service's own log at that moment, and its onTransact"
_VERSIONS = Refusal(
    meaning="the called object does not know the transaction's code.",
    at_fault="neither by itself: the two sides were built for different versions of the interface, or the "
    "code is of another release",
    decided_by="the order of the interface's methods when the service was built",
    look_at="the interface's transaction numbers on this very device, and whether this object is of that "
    "interface",
    claims=("call.marshalling",),
)
OTHER_STATUS = Refusal(
    meaning="the service returned this status; the driver refuses nothing with it.",
    at_fault=_SERVICE,
    decided_by="the code of its onTransact",
    look_at=_OWN_LOG,
    claims=("call.marshalling",),
)
"""Of a service's own, such as an errno."""
_UNLIKE = replace(
    _VERSIONS,
    decided_by="what the caller wrote, and what the called method reads",
    look_at="the interface's definition on both sides: its methods' arguments, in order",
)

STATUSES: Mapping[StatusCode, Refusal] = {
    StatusCode.DEAD_OBJECT: DEAD,
    StatusCode.FAILED_TRANSACTION: FAILED,
    StatusCode.UNKNOWN_TRANSACTION: _VERSIONS,
    StatusCode.BAD_TYPE: replace(
        _UNLIKE,
        meaning="the call's data begins with the token of another interface, or a value in the parcel is of "
        "another type than the one that is read.",
    ),
    StatusCode.NOT_ENOUGH_DATA: replace(
        _UNLIKE, meaning="the parcel ended before all was read that the other side expected in it."
    ),
    StatusCode.UNEXPECTED_NULL: replace(
        _UNLIKE, meaning="the parcel has null where the interface allows none."
    ),
    StatusCode.BAD_VALUE: replace(
        OTHER_STATUS,
        meaning="an argument is not valid, or a value in the parcel cannot be read as what it should be.",
    ),
    StatusCode.BAD_INDEX: replace(OTHER_STATUS, meaning="an index is out of range."),
    StatusCode.PERMISSION_DENIED: replace(
        OTHER_STATUS,
        meaning="the service does not permit this to its caller, or the call's data begins with the token of "
        "another interface (CHECK_INTERFACE).",
        at_fault="the caller, which lacks the right, or speaks another interface",
        decided_by="the caller's uid and permissions, SELinux, and the interface token",
        look_at="`Permission Denial` or `avc: denied` in the log at that moment",
    ),
    StatusCode.FDS_NOT_ALLOWED: replace(
        OTHER_STATUS,
        meaning="a file descriptor is in a parcel where none is allowed.",
        at_fault="the sender",
        decided_by="whether this parcel allows descriptors, such as that of a broadcast's extras does not",
        look_at="which value holds the descriptor",
    ),
    StatusCode.NAME_NOT_FOUND: replace(
        OTHER_STATUS,
        meaning="there is nothing of that name; from a service manager: no service is registered under it.",
        look_at="`service list`, and whether the process that registers the name runs",
    ),
    StatusCode.ALREADY_EXISTS: replace(OTHER_STATUS, meaning="there is already something of that name."),
    StatusCode.NO_INIT: replace(
        OTHER_STATUS, meaning="the service is not initialized, or its device is missing."
    ),
    StatusCode.INVALID_OPERATION: replace(
        OTHER_STATUS, meaning="the service does not do this, or not in its present state."
    ),
    StatusCode.NO_MEMORY: replace(OTHER_STATUS, meaning="the service has no memory for it."),
    StatusCode.WOULD_BLOCK: replace(OTHER_STATUS, meaning="the service would have to wait, and was not to."),
    StatusCode.TIMED_OUT: replace(OTHER_STATUS, meaning="the service waited in vain."),
    StatusCode.UNKNOWN_ERROR: replace(OTHER_STATUS, meaning="the service failed, and names no reason."),
}
"""Every status but OK."""

_THREW = "whatever the message names: the caller's arguments, or the service"
_STACK = (
    "the service's stack: `Caused by: android.os.RemoteException: Remote stack trace` below the exception, "
    "or the service's own log"
)
_EXCEPTION = Refusal(
    meaning="the called method threw it, and the reply carried it to the caller; the driver has no part in "
    "it.",
    at_fault=_THREW,
    decided_by="the code of the called method; Android passes only eight kinds of exceptions on",
    look_at=_STACK,
    claims=("call.marshalling",),
)
EXCEPTIONS: Mapping[ExceptionCode, Refusal] = {
    ExceptionCode.EX_SECURITY: replace(
        _EXCEPTION,
        meaning="the service refused its caller: it checks the uid, or a permission of the calling process.",
        at_fault="the caller, which lacks the permission that the message names",
        decided_by="Binder.getCallingUid() in the service: the sender's uid, which the driver fills in",
        look_at="the permission in the message, in `dumpsys package PACKAGE`; in the service: whether it "
        "should have called clearCallingIdentity()",
        claims=("proto.sender-identity",),
    ),
    ExceptionCode.EX_BAD_PARCELABLE: replace(
        _EXCEPTION,
        meaning="a Parcelable could not be read: its class is not known to the process that reads it, or has "
        "other fields there.",
        at_fault="the sender of a class that the receiver does not have; or two versions of one class",
        decided_by="the class loader of the process that reads, and createFromParcel() against "
        "writeToParcel()",
        look_at="the class in the message: is it in the reading process's package, in this version, and was "
        "its class loader set on the Bundle?",
    ),
    ExceptionCode.EX_ILLEGAL_ARGUMENT: replace(
        _EXCEPTION, at_fault="the caller, whose argument is not valid"
    ),
    ExceptionCode.EX_NULL_POINTER: _EXCEPTION,
    ExceptionCode.EX_ILLEGAL_STATE: replace(
        _EXCEPTION, at_fault="whoever brought the service into that state, or calls at the wrong time"
    ),
    ExceptionCode.EX_NETWORK_MAIN_THREAD: replace(
        _EXCEPTION, at_fault="the service, which uses the network on its main thread"
    ),
    ExceptionCode.EX_UNSUPPORTED_OPERATION: replace(
        _EXCEPTION, at_fault="the caller: this service does not do that"
    ),
    ExceptionCode.EX_SERVICE_SPECIFIC: replace(
        _EXCEPTION,
        meaning="the service reports an error of its own; its number is a constant of that interface.",
        at_fault=_SERVICE,
        decided_by="the interface: the same number means something else in another one",
        look_at="the interface's constants (for keystore2 its ErrorCode and ResponseCode, for example), and "
        "the service's own log",
    ),
    ExceptionCode.EX_PARCELABLE: replace(
        _EXCEPTION, meaning="the service threw an exception of its own class."
    ),
    ExceptionCode.EX_TRANSACTION_FAILED: replace(
        FAILED,
        meaning="the call did not come to its end: libbinder makes this of a status, such as DEAD_OBJECT or "
        "FAILED_TRANSACTION. It is in no reply.",
        look_at="the status beside it, the kernel log, and failed_transaction_log in the binder debug files",
    ),
}
"""Every exception; the headers of a reply are none."""

JAVA_NAMES: Mapping[str, ExceptionCode] = {
    "SecurityException": ExceptionCode.EX_SECURITY,
    "BadParcelableException": ExceptionCode.EX_BAD_PARCELABLE,
    "IllegalArgumentException": ExceptionCode.EX_ILLEGAL_ARGUMENT,
    "NullPointerException": ExceptionCode.EX_NULL_POINTER,
    "IllegalStateException": ExceptionCode.EX_ILLEGAL_STATE,
    "NetworkOnMainThreadException": ExceptionCode.EX_NETWORK_MAIN_THREAD,
    "UnsupportedOperationException": ExceptionCode.EX_UNSUPPORTED_OPERATION,
    "ServiceSpecificException": ExceptionCode.EX_SERVICE_SPECIFIC,
}
"""Java's classes for them (Parcel.getExceptionCode)."""


def status_meaning(status: int) -> Refusal | None:
    """The entry for a status_t; None for one that has no meaning of its own."""
    return STATUSES.get(StatusCode(status)) if status in STATUSES else None


def exception_meaning(code: int) -> Refusal | None:
    """The entry for an exception code; None for none, and for a header."""
    return EXCEPTIONS.get(ExceptionCode(code)) if code in EXCEPTIONS else None
