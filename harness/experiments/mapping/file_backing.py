"""Whether a binder mapping is backed by a file, and what file I/O a delivery costs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.deliveries import open_deliveries
from harness.experiments.instruments.frames import frames_behind
from harness.kernel.proc.frame_flags import Frame, read_frames
from harness.kernel.proc.maps import Mapping, read_maps

if TYPE_CHECKING:
    from harness.agent.process import RemoteProcess
    from harness.device.device import Device

PAYLOAD_SIZE = 10_000
WARM_UP_SIZE = 8
RUSAGE_SELF = 0
_RUSAGE = struct.Struct("<4q14q")
"""Four words of times, then ru_maxrss to ru_nivcsw (getrusage(2))."""
_MAJOR_FAULTS, _BLOCKS_READ, _BLOCKS_WRITTEN = 9, 11, 12


@dataclass(frozen=True, slots=True)
class FileActivity:
    """The file input and output of a process, by getrusage(2)."""

    major_faults: int
    """Page faults that had to wait for a file."""
    blocks_read: int
    """Of 512 bytes, from block devices."""
    blocks_written: int


@dataclass(frozen=True, slots=True)
class FileBacking:
    """The frames behind a received payload beside those of a mapped file, and what the delivery cost."""

    path: str
    """The file that /proc/PID/maps shows for the binder mapping."""
    payload: tuple[Frame, ...]
    program: tuple[Frame, ...]
    """Equally many frames of the receiver's own program, which is mapped from a file."""
    cost: FileActivity
    """Of the receiver: from before the payload was sent until it had been read."""


@measurement("file-backing", "The frames behind a received payload, and the file I/O that they cost.")
def measure_file_backing(device: Device) -> FileBacking:
    """Receive a payload, read it, and look up its frames and some of the receiver's program."""
    with open_deliveries(device) as deliveries:
        receiver = deliveries.receiver
        # The receiver's own program comes from a file: fault its pages in now, and not while counting.
        with deliveries.send(WARM_UP_SIZE) as received:
            receiver.memory.digest(received.address, WARM_UP_SIZE)
            _activity(receiver)
        before = _activity(receiver)
        with deliveries.send(PAYLOAD_SIZE) as received:
            receiver.memory.digest(received.address, PAYLOAD_SIZE)
            after = _activity(receiver)
            maps = read_maps(device.files, receiver.pid)
            program = next(mapping for mapping in maps if _is_program(mapping))
            of_payload = frames_behind(device, receiver, received.address, PAYLOAD_SIZE).values()
            of_program = list(frames_behind(device, receiver, program.start, program.size).values())
            return FileBacking(
                path=maps.at(received.address).path,
                payload=read_frames(device.files, of_payload),
                program=read_frames(device.files, of_program[: len(of_payload)]),
                cost=FileActivity(
                    after.major_faults - before.major_faults,
                    after.blocks_read - before.blocks_read,
                    after.blocks_written - before.blocks_written,
                ),
            )


def _is_program(mapping: Mapping) -> bool:
    return "x" in mapping.permissions and mapping.inode != 0


def _activity(process: RemoteProcess) -> FileActivity:
    with process.memory.allocate(_RUSAGE.size) as usage:
        process.syscall("getrusage", RUSAGE_SELF, usage.address)
        figures = _RUSAGE.unpack(usage.read())
    return FileActivity(figures[_MAJOR_FAULTS], figures[_BLOCKS_READ], figures[_BLOCKS_WRITTEN])
