"""Which ioctls a driver supports, and which protocol it speaks: found by trying a whole range of requests."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.agent.operations import OperationResult, Read, SystemCall, Write
from harness.agent.protocol import MAX_OPERATIONS
from harness.agent.thread import effective_user
from harness.binder.abi.structures import BinderVersion, BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl
from harness.binder.pair import SYSTEM_USER
from harness.device.driver_interface import MAKE_CONTEXT_MANAGER
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import DENIALS, outcome
from harness.experiments.instruments.node_files import NodeFile, any_node, opened

if TYPE_CHECKING:
    from harness.device.device import Device

REFUSAL = "EINVAL"
"""The outcome of a request that the driver does not support; with most other drivers it is ENOTTY."""

NULL = 0
NUMBERS = range(256)
_LETTER = ord("b") << 8
_SIZE_SHIFT = 16
_DIRECTION_AND_SIZE = 0xFFFF_0000
_SIZE = 0x3FFF << _SIZE_SHIFT

FORMS = sorted({0} | {request & _DIRECTION_AND_SIZE for request in BinderIoctl})
"""The directions and sizes of argument that the interface uses, and no argument."""

NARROW_WRITE_READ = BinderIoctl.BINDER_WRITE_READ & ~_SIZE | BinderWriteRead.sizeof() // 2 << _SIZE_SHIFT
"""BINDER_WRITE_READ of protocol 7, whose argument has 32-bit words in the place of 64-bit ones."""


@dataclass(frozen=True, slots=True)
class IoctlSurvey:
    """The outcome of every number from 0 to 255 of type `b`, each with every direction and size in use."""

    tried: int
    """How many requests."""
    supported: tuple[str, ...]
    """The kernel's names of those that the driver supports, in the order of their numbers."""
    unsupported: tuple[str, ...]
    """Those that the kernel's header names, and this driver does not support."""
    others: dict[str, int]
    """The outcomes of the requests that the header does not name, and how often each occurred."""
    refused: tuple[str, ...] = ()
    """Those that it names, and that a security policy refuses or that may not be tried here: nothing is known
    of them."""


@measurement("ioctls", "Which ioctls the binder driver supports, of all possible requests.")
def measure_ioctls(device: Device) -> IoctlSurvey:
    """Try each request on an open file, with a null pointer for an argument, so that nothing is changed.

    Some that the header names fail with EINVAL then as well: so those that it names get zeros, too.
    The driver writes a line into the kernel's log for each refusal.
    """
    named = list(BinderIoctl)
    # Whoever becomes the first context manager of somebody's device shuts everybody else out.
    may_manage = device.facts.free_binder_device is not None or device.facts.service_manager
    left_out = () if may_manage else MAKE_CONTEXT_MANAGER
    all_requests = (form | _LETTER | number for number, form in itertools.product(NUMBERS, FORMS))
    requests = [request for request in all_requests if request not in left_out]
    tried = [ioctl for ioctl in named if ioctl not in left_out]
    with (
        device.process() as process,
        opened(process, any_node(device.facts)) as node,
        process.memory.allocate(BinderWriteRead.sizeof()) as zeros,
    ):
        with_null = dict(zip(requests, _outcomes(node, requests, NULL), strict=True))
        with_zeros = dict(zip(tried, _outcomes(node, tried, zeros.address), strict=True))
        kept = [ioctl for ioctl in MAKE_CONTEXT_MANAGER if with_zeros.get(ioctl) == "EPERM"]
        if kept and process.uid == 0:
            # The driver keeps the device for the user of Android's service managers.
            with effective_user(process.main, SYSTEM_USER, own=process.uid):
                outcomes_kept = _outcomes(node, kept, zeros.address)
            with_zeros |= dict(zip(kept, outcomes_kept, strict=True))
    outcomes = {ioctl: {with_null[ioctl], with_zeros[ioctl]} for ioctl in tried}
    refused = {*left_out} | {
        ioctl for ioctl in tried if outcomes[ioctl] & DENIALS and outcomes[ioctl] <= DENIALS | {REFUSAL}
    }
    unsupported = {ioctl for ioctl in tried if outcomes[ioctl] == {REFUSAL}}
    return IoctlSurvey(
        tried=len(requests),
        supported=tuple(ioctl.name for ioctl in named if ioctl not in refused | unsupported),
        unsupported=tuple(ioctl.name for ioctl in named if ioctl in unsupported),
        others=dict(Counter(result for request, result in with_null.items() if request not in named)),
        refused=tuple(ioctl.name for ioctl in named if ioctl in refused),
    )


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """The version, and whether the driver does what that version means; names of errnos, or `success`."""

    version: int
    """What BINDER_VERSION returns."""
    wide: str
    """Of BINDER_WRITE_READ with the 48 bytes of 64-bit pointers, which is protocol 8."""
    narrow: str
    """Of BINDER_WRITE_READ with the 24 bytes of 32-bit pointers, which is protocol 7."""


@measurement("protocol-version", "What BINDER_VERSION returns, and which protocol the driver speaks.")
def measure_protocol_version(device: Device) -> ProtocolVersion:
    """Get the version, and write and read nothing with the arguments of both protocols."""
    size = BinderWriteRead.sizeof()
    with (
        device.process() as process,
        opened(process, any_node(device.facts)) as node,
        process.memory.allocate(size) as argument,
    ):
        version, argument_read, _, wide, narrow = process.main.batch(
            _ioctl(node, BinderIoctl.BINDER_VERSION, argument.address),
            Read(argument.address, BinderVersion.sizeof()),
            Write(argument.address, bytes(size)),
            _ioctl(node, BinderIoctl.BINDER_WRITE_READ, argument.address),
            _ioctl(node, NARROW_WRITE_READ, argument.address),
            keep_going=True,
        )
    version.checked()
    returned = BinderVersion.unpack(argument_read.checked().data)
    return ProtocolVersion(returned.protocol_version, outcome(wide), outcome(narrow))


def _ioctl(node: NodeFile, request: int, argument: int) -> SystemCall:
    return SystemCall("ioctl", node.descriptor, request, argument)


def _outcomes(node: NodeFile, requests: Sequence[int], argument: int) -> list[str]:
    results: list[OperationResult] = []
    for start in range(0, len(requests), MAX_OPERATIONS):
        calls = [_ioctl(node, request, argument) for request in requests[start : start + MAX_OPERATIONS]]
        results += node.process.main.batch(*calls, keep_going=True)
    return [outcome(result) for result in results]
