"""What a code means: the driver's and its errnos, libbinder's statuses, exceptions, by number or by name."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.errors import RemoteError
from harness.binder.parcels.status import ExceptionCode, StatusCode, signed
from harness.binder.refusals.commands import request_meaning
from harness.binder.refusals.driver import NO_ERRORS, refusal
from harness.binder.refusals.refusal import Refusal
from harness.binder.refusals.replies import JAVA_NAMES, OTHER_STATUS, exception_meaning, status_meaning
from harness.framework.dumps.parcel_text import ReplyStatusError
from harness.inspect.errors.explanation import Explanation, code_name, explanation

PAIR = re.compile(r"(?<![\w/.])(?P<code>29\d{3})(?:/-?(?P<error>\d+))?(?![\w/])")
"""Of the driver: a code and an errno."""
FAILURE = re.compile(
    r"Binder transaction failure(?:\. id: \d+, cmd: \w+ \((?P<code>\d+)\), error: -?(?P<error>\d+)|"
    r": \d+/(?P<number>\d+)/-?(?P<reason>\d+))"
)
"""libbinder's line about a failed call (IPCThreadState.cpp, Android 14 and later; the short form before)."""
OF_CMD = re.compile(
    r"(?:Failure calling service \S+: [^()]+|Bad type|Failed transaction|File descriptors not allowed|"
    r"Unexpected null) \((?P<number>\d{5,10})\)"
)
"""What `cmd` prints of a service that it could not call, with a status that is no errno, without its sign
(frameworks/native: cmds/cmd/cmd.cpp, Android 14)."""
RETURN = re.compile(r"\bBR_[A-Z_]+\b")
IN_LOGS = re.compile(r"Status\((?:-\d+, )?EX_|\b(?:ServiceSpecific|BadParcelable|Security)Exception\b")
"""The exceptions that are of a call in whatever log: `Status(-8, EX_SERVICE_SPECIFIC): '3: no key'` is what
binder::Status::toString8 writes."""
_EXCEPTION = re.compile(r"\bEX_[A-Z_]+\b")
_STATUS = re.compile(rf"\b(?:STATUS_)?(?P<name>{'|'.join(StatusCode.__members__)})\b")
"""NdkBinder's names begin with STATUS_ (android/binder_status.h)."""
_JAVA = re.compile(rf"\b(?P<name>{'|'.join(JAVA_NAMES)})\b")
_REQUEST = re.compile(r"\bBINDER_[A-Z_]+\b")
_ERRNO_TEXTS = {os.strerror(number): number for number in errno.errorcode}
_EXCEPTION_NUMBER = re.compile(r"Status\((?P<status>-\d+)\)|(?<![\w-])(?P<alone>-12[789])\b")
_ERRNO_NAME = re.compile(r"\bE[A-Z]{2,}[A-Z0-9]*\b")
_NUMBER = re.compile(r"(?<![\w/.-])(?:0x(?P<hex>[0-9a-fA-F]{4,16})|(?P<decimal>-?\d{1,20}))(?![\w/.])")
_OF_AN_EXCEPTION = re.compile(r"EX_(?:SERVICE_SPECIFIC|TRANSACTION_FAILED)\b\)?: '(?P<number>-?\d+)")
_AS_LIBBINDER_CALLS_IT = "as libbinder calls it"


def known_names() -> list[str]:
    """The names of all that has a meaning: the driver's answers, statuses, exceptions, ioctls, errnos."""
    names = (BinderReturn, StatusCode, ExceptionCode, BinderIoctl)
    return [*(name for each in names for name in each.__members__), *errno.errorcode.values()]


def explain_code(text: str) -> Explanation | None:
    """The first code in a text that is known; None where there is none."""
    return next((found for explained in _WAYS if (found := explained(text))), None)


def explain_exception(text: str) -> Explanation | None:
    """The exception that a text names, as C++ or as Java does."""
    named = _EXCEPTION.search(text)
    code = ExceptionCode.__members__.get(named[0]) if named else None
    if code is None and (java := _JAVA.search(text)):
        code = JAVA_NAMES[java["name"]]
    if code is None and (printed := _EXCEPTION_NUMBER.search(text)):
        number = int(printed["status"] or printed["alone"])
        code = ExceptionCode(number) if number in ExceptionCode._value2member_map_ else None
    entry = None if code is None else exception_meaning(code)
    if code is None or entry is None:
        return None
    if code == ExceptionCode.EX_TRANSACTION_FAILED and (status := _status_in(text)):
        return status
    of_service = _OF_AN_EXCEPTION.search(text)
    subject = f"{code.name} {of_service['number']}" if of_service else code.name
    return explanation(text, entry, subject=subject)


def explain_reply(error: ReplyStatusError | RemoteError) -> Explanation | None:
    """What a reply has in the place of a result."""
    if isinstance(error, ReplyStatusError):
        return explanation(str(error), status_meaning(error.status) or OTHER_STATUS)
    entry = exception_meaning(error.code)
    return None if entry is None else explanation(str(error), entry)


def _status_in(text: str) -> Explanation | None:
    if named := _STATUS.search(text.replace("EX_TRANSACTION_FAILED", "")):
        return by_status(text, StatusCode[named["name"]])
    number = _OF_AN_EXCEPTION.search(text)
    return by_status(text, int(number["number"])) if number else None


def _failure(text: str) -> Explanation | None:
    if match := FAILURE.search(text):
        return _by_code(text, int(match["code"] or match["number"]), int(match["error"] or match["reason"]))
    return None


def _cmd(text: str) -> Explanation | None:
    match = OF_CMD.search(text)
    return by_status(text, -int(match["number"])) if match else None


def _pair(text: str) -> Explanation | None:
    match = PAIR.search(text)
    if match is None:
        return None
    return _by_code(text, int(match["code"]), None if match["error"] is None else int(match["error"]))


def _return(text: str) -> Explanation | None:
    name = RETURN.search(text)
    code = BinderReturn.__members__.get(name[0]) if name else None
    return None if code is None else _by_code(text, code, _errno_in(text))


def _request(text: str) -> Explanation | None:
    name = next((word for word in _REQUEST.findall(text) if word in BinderIoctl.__members__), None)
    number = _errno_in(text) if name else None
    return explanation(text, request_meaning(name, number)) if name and number else None


def _named(text: str) -> Explanation | None:
    if name := _STATUS.search(text):
        return by_status(text, StatusCode[name["name"]])
    number = _errno_in(text)
    return None if number is None else _by_errno(text, number)


def _number(text: str) -> Explanation | None:
    for number in _numbers(text):
        entry = refusal(number)
        if entry or number in NO_ERRORS:
            return _by_code(text, number, None)
        if -4096 < number < 0 and (found := _by_errno(text, -number)):
            return found
        if found := by_status(text, number):
            return found
    return None


def _numbers(text: str) -> Iterator[int]:
    """The numbers in a text, negative ones also where they are printed as unsigned."""
    for match in _NUMBER.finditer(text):
        yield signed(int(match["hex"], 16) if match["hex"] else int(match["decimal"]))


def _errno_in(text: str) -> int | None:
    numbers = (getattr(errno, name, None) for name in _ERRNO_NAME.findall(text))
    named = next((number for number in numbers if isinstance(number, int)), None)
    if named is None:
        named = next((number for words, number in _ERRNO_TEXTS.items() if words in text), None)
    return next((-number for number in _numbers(text) if -4096 < number < 0), named)


def _by_code(text: str, code: int, error: int | None) -> Explanation | None:
    """A BR_ code, with the errno beside it."""
    if entry := refusal(code, error):
        return explanation(text, entry, subject=code_name(code, error))
    if code in NO_ERRORS:
        entry = Refusal(
            NO_ERRORS[BinderReturn(code)], "nobody: it is no error", "the protocol of the driver", "nothing"
        )
        return explanation(text, entry, subject=BinderReturn(code).name)
    return by_status(text, -error) if error else None


def _by_errno(text: str, number: int) -> Explanation | None:
    """An errno alone: the driver's reason to refuse a transaction, and perhaps a status of a service's."""
    driver = _by_code(text, BinderReturn.BR_FAILED_REPLY, number)
    status = by_status(text, -number)
    if driver is None or status is None or driver.meaning == status.meaning:
        return driver or status
    entry = refusal(BinderReturn.BR_FAILED_REPLY, number)
    if entry is None:
        return status
    also = f"{entry.meaning} If a service returned it, it is {status.meaning}"
    return explanation(
        text,
        Refusal(also, entry.at_fault, entry.decided_by, entry.look_at, entry.claims),
        subject=code_name(BinderReturn.BR_FAILED_REPLY, number),
    )


def by_status(text: str, status: int) -> Explanation | None:
    """libbinder's own numbers: two are its words for the driver's answers, the others a service's."""
    entry = status_meaning(status)
    if entry is None:
        return None
    return explanation(text, entry, subject=f"{StatusCode(status).name}, {_AS_LIBBINDER_CALLS_IT}")


_WAYS = (_failure, _cmd, _pair, _return, _request, explain_exception, _named, _number)
