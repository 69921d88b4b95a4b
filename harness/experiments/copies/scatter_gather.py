"""How the driver copies a call that names further memory of its sender's (BC_TRANSACTION_SG)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.agent.pattern import fill_pattern
from harness.binder import Parcel, open_pair
from harness.binder.abi.structures import BinderBufferObject
from harness.experiments.copies.copy_functions import (
    BINDER_BACK,
    BINDER_IN,
    BINDER_WITHIN,
    Copied,
    Move,
    NoInstrumentError,
    count_copies,
    mark,
)
from harness.experiments.copies.watchpoints import Watchpoints, watchpoints_count
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import free_node

if TYPE_CHECKING:
    from harness.binder import Call
    from harness.device.device import Device

PIECES = ((1_000, 3_001), (500, 10_000))
"""Bytes of plain data, and of the buffer named after them, so often."""

DATA, OBJECT, OFFSETS, BUFFER = "data", "object", "offsets", "buffer"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what was sent: where it lay in the sender's memory, and how often it was copied."""

    what: str
    """DATA, OBJECT, OFFSETS or BUFFER."""
    address: int
    size: int
    """Bytes."""
    copied: int | None = None
    """How many of its bytes were copied from there into the receiver's buffer, repetitions included.

    None where that function of the driver cannot be probed.
    """
    touched: int | None = None
    """How often the kernel touched its middle byte; None where that was not watched."""


@dataclass(frozen=True, slots=True)
class ScatterGather:
    """One call with several buffers."""

    parts: tuple[Part, ...]
    arrived: bool
    """Whether data and buffers arrived as they were sent."""
    from_kernel: int | None
    """Bytes that the driver wrote into the receiver's buffer out of its own memory."""
    to_kernel: int | None
    """Bytes that it read back from there."""


@measurement("scatter-gather", "How often the kernel copies each byte of a call with several buffers.")
def measure_scatter_gather(device: Device, pieces: Sequence[tuple[int, int]] = PIECES) -> ScatterGather:
    """Make such a call once; the receiver reads all of it."""
    sent = [fill_pattern(size, seed) for seed, size in enumerate(size for piece in pieces for size in piece)]
    parcel = Parcel()
    for data, buffer in zip(sent[::2], sent[1::2], strict=True):
        parcel.raw(data).buffer(buffer)
    received: list[bytes] = []

    def read_all(call: Call) -> None:
        for data, _ in pieces:
            received.extend((call.data.raw(data), call.data.buffer()))

    with open_pair(device, free_node(device.facts), read_all) as pair:
        parts = lay_out(parcel, pair.client.ioctls.payloads.address_for(parcel))
        process = pair.client_process
        watched = _samples(parts) if watchpoints_count(process) else []
        functions = (BINDER_IN, BINDER_WITHIN, BINDER_BACK)
        with count_copies(device, process, functions=functions) as counts:
            middles = [part.address + part.size // 2 for part in watched]
            with Watchpoints(process, process.main, middles) as watchpoints:
                mark(process.main)
                pair.client.transact(0, 1, parcel)
                mark(process.main)
                touched = dict(zip(watched, watchpoints.counts(), strict=True))
    copied = counts.of(process.main)[0] if counts and counts.sees(*functions) else None
    if not copied and not watched:
        raise NoInstrumentError
    return ScatterGather(
        parts=tuple(_watched(part, copied, touched) for part in parts),
        arrived=received == sent,
        from_kernel=copied.moved_by(BINDER_WITHIN) if copied else None,
        to_kernel=copied.moved_by(BINDER_BACK) if copied else None,
    )


def lay_out(parcel: Parcel, address: int) -> list[Part]:
    """What a parcel consists of, in the order of addresses once it is laid out at `address`."""
    placed = parcel.place(address)
    parts = []
    buffers = []
    position = 0
    for offset in parcel.offsets:
        found = BinderBufferObject.unpack(placed.memory, offset)
        parts.append(Part(DATA, address + position, offset - position))
        parts.append(Part(OBJECT, address + offset, found.sizeof()))
        buffers.append(Part(BUFFER, found.buffer, found.length))
        position = offset + found.sizeof()
    parts.append(Part(DATA, address + position, placed.data_size - position))
    parts.append(Part(OFFSETS, placed.offsets, placed.offsets_size))
    return [part for part in (*parts, *buffers) if part.size]


def _samples(parts: Sequence[Part]) -> list[Part]:
    """One part of each sort: a processor has no more watchpoints."""
    return [next(part for part in parts if part.what == what) for what in (DATA, OBJECT, OFFSETS, BUFFER)]


def _watched(part: Part, copied: Copied | None, touched: Mapping[Part, int]) -> Part:
    taken = taken_from(part, copied.moves) if copied else None
    return replace(part, copied=taken, touched=touched.get(part))


def taken_from(part: Part, moves: Sequence[Move]) -> int:
    """How many bytes of a part were copied, each counted as often as it was."""
    total = 0
    for move in moves:
        if move.source is not None:
            start = max(part.address, move.source)
            end = min(part.address + part.size, move.source + move.size)
            total += max(0, end - start)
    return total
