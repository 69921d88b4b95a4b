"""Sizes are read out of the commands that a thread writes, as an event on ioctl(2) shows them."""

from __future__ import annotations

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from emulator.base.architecture import AARCH64, X86_64
from harness.binder.abi import commands
from harness.binder.abi.structures import BinderWriteRead
from harness.binder.abi.uapi import BinderIoctl
from harness.kernel.tracing.events import TraceEvent, parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.written_commands import _CARRIERS, BINDER_WRITE_READ, sizes_written, written_probe

SHOWN = 240
"""Bytes of commands that an event has."""
WORD = 8
sizes = st.integers(0, 1 << 40)


def event(written: bytes, *, request: int = BINDER_WRITE_READ, size: int | None = None) -> str:
    words = struct.unpack(f"<{SHOWN // WORD}Q", written[:SHOWN].ljust(SHOWN, b"\0"))
    texts = " ".join(f"word_{number}={word:#x}" for number, word in enumerate(words))
    write_size = len(written) if size is None else size
    return f"sys_ioctl_entry: (__x64_sys_ioctl+0x4/0xa0) cmd={request:#x} write_size={write_size} {texts}"


def traced(*bodies: str, thread: int = 21) -> tuple[TraceEvent, ...]:
    lines = [f" app-{thread} (   20) [000] ..... {number}.5: {body}" for number, body in enumerate(bodies)]
    return parse_trace("\n".join(lines)).events


def test_the_number_is_the_ioctl_s() -> None:
    assert BINDER_WRITE_READ == BinderIoctl.BINDER_WRITE_READ
    assert BinderWriteRead.offsetof("write_buffer") == 16


@given(st.lists(st.tuples(st.sampled_from([commands.Transaction, commands.Reply]), sizes, sizes), max_size=3))
def test_each_transaction_that_an_event_shows_has_its_sizes(carried: list[tuple[type, int, int]]) -> None:
    before = (commands.FreeBuffer(0x1000), commands.Acquire(3))
    written = commands.compose(*before) + b"".join(
        kind(data_size=data, offsets_size=offsets).encode() for kind, data, offsets in carried
    )
    ends = itertools.accumulate(itertools.repeat(68, len(carried)), initial=len(commands.compose(*before)))
    whole = [
        (data, offsets)
        for (_, data, offsets), end in zip(carried, list(ends)[1:], strict=True)
        if end <= SHOWN
    ]
    (found,) = traced(event(written))
    assert sizes_written(found) == whole


def test_the_codes_are_those_of_the_commands() -> None:
    carriers = (commands.Transaction, commands.Reply, commands.TransactionSg, commands.ReplySg)
    assert {int(kind.TAG) for kind in carriers} == set(_CARRIERS)


def test_other_ioctls_write_no_commands() -> None:
    nothing, other = traced(event(b""), event(bytes(8), request=BinderIoctl.BINDER_VERSION))
    assert sizes_written(nothing) is None
    assert sizes_written(other) is None


def test_memory_that_could_not_be_read_has_no_sizes() -> None:
    (found,) = traced(event(b"", size=68).replace("word_0=0x0", "word_0=(fault)"))
    assert sizes_written(found) == []


def test_a_hop_of_the_driver_in_rust_has_the_sizes_that_its_sender_wrote() -> None:
    sent = (
        "binder_transaction: transaction={} dest_node=0 dest_proc=30 dest_thread=0 reply=0 flags=0x10 "
        "code=0x1"
    )
    two = commands.compose(
        commands.Transaction(data_size=100, offsets_size=8), commands.Transaction(data_size=7)
    )
    hops = parse_hops(traced(event(two), sent.format(5), sent.format(6), event(bytes(4)), sent.format(7)))
    assert [(hop.number, hop.data_size, hop.offsets_size) for hop in hops] == [
        (5, 100, 8),
        (6, 7, 0),
        (7, None, 0),
    ]


def test_the_probe_follows_the_pointers_of_either_architecture() -> None:
    intel, arm = (next(written_probe(each).definitions("group")) for each in (X86_64, AARCH64))
    assert intel.startswith("p:group/sys_ioctl_entry __x64_sys_ioctl cmd=+104($arg1):x32 write_size=+u0(+96(")
    assert " word_1=+u8(+u16(+96($arg1))):x64 " in intel
    assert " word_1=+u8(+u16(+16($arg1))):x64 " in arm
    assert len(intel.split()) - 2 <= 128  # MAX_TRACE_ARGS (kernel/trace/trace_probe.h)
