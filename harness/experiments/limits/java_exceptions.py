"""Which exception AOSP's Java throws for a transaction that finds no room."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Binder, Parcel, ServiceManager
from harness.binder.services.interface import Interface
from harness.binder.services.service import BINDER
from harness.experiments.core.measurement import measurement
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java

if TYPE_CHECKING:
    from harness.binder import Call
    from harness.device.device import Device
    from harness.framework.java.process import JavaBinder

MAPPED = 128 * 1024
"""Bytes that the receiver maps: less than either of the transactions needs."""
WARNING_ABOVE = 300 * 1024
"""Bytes of a parcel; BpBinder.cpp, LOG_TRANSACTIONS_OVER_SIZE, Android 14. That of 10 does not warn."""
LIMIT = 200 * 1024
"""Bytes of a parcel; android_util_Binder.cpp, signalExceptionForError, Android 10 and 14."""
WORD = 4
"""Bytes by which a parcel grows."""
_WARNING = re.compile(r"Large outgoing transaction of (\d+) bytes")
NAME = "binder_harness.small"
INTERFACE = "com.example.ISink"


@dataclass(frozen=True, slots=True)
class Failure:
    """A transaction that found no room."""

    size: int
    """Bytes of its parcel."""
    exception: str | None
    """The class that was thrown, without its package; None where the call returned."""
    text: str | None
    """The exception's message."""


@dataclass(frozen=True, slots=True)
class JavaFailures:
    """Two transactions that differ by a word, and what followed them."""

    release: int
    """Of the Java."""
    mapping: int
    """Bytes that the receiver mapped."""
    at_limit: Failure
    above: Failure
    next_answered: bool
    """Whether the same object answered a small call after them."""
    warned: tuple[int, ...] = ()
    """The sizes, of those of 300 KiB and of four bytes more, that libbinder warned of, in bytes."""
    node: str = BINDER
    """The binder device of that release's service manager."""


@measurement("too-large-in-java", "The exceptions of Java for transactions that find no room.")
def measure_too_large_in_java(device: Device) -> JavaFailures:
    """Send parcels of 200 and of 300 KiB, and of four bytes more, to a process that has mapped 128 KiB."""

    def answer(call: Call) -> Parcel:
        return Parcel(call.wire).no_exception().int32(len(call.data.data))

    with (
        open_java(device) as java,
        device.process() as process,
        Binder.open(process, java.place.node, size=MAPPED) as binder,
    ):
        node = binder.add_node(Interface(descriptor=INTERFACE, methods=answer, wire=java.layout.wire))
        binder.serve()
        ServiceManager(binder).add(NAME, node)
        (target,) = java.get_service(NAME)
        assert target is not None, f"{NAME} was registered just now"
        at_limit, above = (_failure(java, target, size) for size in (LIMIT, LIMIT + WORD))
        for size in (WARNING_ABOVE, WARNING_ABOVE + WORD):
            _failure(java, target, size)
        warned = tuple(map(int, _WARNING.findall(java.agent.logged())))
        answered = java.transact(target, 1, INTERFACE, size=WORD).int32() > WORD
        return JavaFailures(java.place.release, MAPPED, at_limit, above, answered, warned, java.place.node)


def _failure(java: JavaProcess, target: JavaBinder, size: int) -> Failure:
    """Send a parcel of so many bytes: the interface's token, a length, and a byte[]."""
    overhead = Parcel(java.layout.wire).interface_token(INTERFACE).size + WORD
    try:
        java.transact(target, 1, INTERFACE, size=size - overhead)
    except JavaError as error:
        return Failure(size, error.name, error.text)
    return Failure(size, None, None)
