"""The sizes of transactions as their senders write them: for a driver whose tracepoints show none.

The driver in Rust has no tracepoint for a transaction's buffer. A sender states the sizes in its command,
which is in its own memory when it calls ioctl(2).
Sources: struct binder_write_read and binder_transaction_data in include/uapi/linux/android/binder.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from emulator.base.architecture import Architecture
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.kprobes import Kprobe
from harness.kernel.tracing.system_calls import call_argument, call_entry

WRITTEN = "sys_ioctl_entry"
"""The name of the event."""
BINDER_WRITE_READ = 0xC0306201
_WRITE_BUFFER = 16
"""Of struct binder_write_read: where the commands are, behind their size and how much of them was read."""
_WORDS = 30
"""Of the commands: 240 bytes. libbinder writes what it has to free and to acquire before a transaction."""
_LABELS = tuple(f"word_{number}" for number in range(_WORDS))
_CARRIERS = frozenset({0x40406300, 0x40406301, 0x40486311, 0x40486312})
"""BC_TRANSACTION and BC_REPLY, and both with buffers: BC_TRANSACTION_SG and BC_REPLY_SG."""
_TAG = struct.Struct("<I")
_SIZES = struct.Struct("<QQ")
_SIZES_OFFSET = 32
"""Of data_size, and offsets_size behind it, in struct binder_transaction_data."""


def written_probe(architecture: Architecture) -> Kprobe:
    """An event at each ioctl, with the beginning of the commands that it writes."""
    return call_entry(
        architecture,
        "ioctl",
        call_argument(architecture, 2, "cmd", type="x32"),
        call_argument(architecture, 3, "write_size", user_offsets=(0,)),
        *(
            call_argument(architecture, 3, label, type="x64", user_offsets=(_WRITE_BUFFER, 8 * number))
            for number, label in enumerate(_LABELS)
        ),
    )


def sizes_written(event: TraceEvent) -> list[tuple[int, int]] | None:
    """The sizes of data and offsets of each transaction or reply in the commands, in bytes, in their order.

    As far as they are in the event; None for an ioctl that writes no commands.
    """
    if event.fields.get("cmd") != BINDER_WRITE_READ or not event.fields.get("write_size"):
        return None
    return list(_sizes(_beginning(event)))


def _beginning(event: TraceEvent) -> bytes:
    words = [event.fields.get(label) for label in _LABELS]
    size = event.fields["write_size"]
    numbers = [word if isinstance(word, int) else 0 for word in words]
    return struct.pack(f"<{_WORDS}Q", *numbers)[: size if isinstance(size, int) else 0]


def _sizes(commands: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position + _TAG.size <= len(commands):
        (command,) = _TAG.unpack_from(commands, position)
        parameter, end = position + _TAG.size, position + _TAG.size + (command >> 16 & 0x3FFF)
        if command in _CARRIERS and end <= len(commands):
            yield _SIZES.unpack_from(commands, parameter + _SIZES_OFFSET)
        position = end
