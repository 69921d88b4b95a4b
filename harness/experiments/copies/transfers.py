"""Watches payloads on their way through channels, alike for every channel.

Two instruments show what the kernel does during the sender's system call, and during the receiver's:
watchpoints count how often it touches some bytes of the payload (`watchpoints`), probes how many bytes its
copying functions move (`copy_functions`). It takes no instrument to see where the payload lies after the
sender's call, and after the receiver's; between the two the sender overwrites its own memory.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.agent.pattern import digest, fill_pattern
from harness.experiments.copies.channels import Channel
from harness.experiments.copies.copy_functions import Copied, NoInstrumentError, count_copies, marked
from harness.experiments.copies.kernel_address import KernelAddresses
from harness.experiments.copies.watchpoints import Watchpoints, kernel_watchpoints_count, watchpoints_count

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess


@dataclass(frozen=True, slots=True)
class Touched:
    """How often the kernel read or wrote single bytes of a payload."""

    source: tuple[int, ...]
    """The first, middle and last byte, at the sender's addresses, during the sender's system call."""
    frame: int | None
    """A byte of the receiver's, at the kernel's own address of it, during the sender's system call.

    None where the device does not let that be seen.
    """
    destination: tuple[int, ...]
    """The first, middle and last byte, at the receiver's addresses, during the receiver's system call."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payload from one process to another."""

    channel: str
    size: int
    """Bytes."""
    at_receiver_once_sent: bool
    """Whether the payload lay in the receiver's memory before the receiver did anything."""
    at_receiver_once_received: bool
    """Whether it did afterwards, though the sender had overwritten its own memory meanwhile."""
    touched: Touched | None
    """None on a machine without watchpoints."""
    sent: Copied | None = None
    """During the sender's system call; None where the channel's copying functions cannot be probed."""
    received: Copied | None = None
    """During the receiver's."""

    @property
    def per_byte(self) -> tuple[float, float]:
        """How often each byte was copied during the sender's system call, and during the receiver's.

        By the copying functions where they can be probed, else by the watched byte that was touched most.
        """
        if self.sent and self.received:
            return self.sent.moved / self.size, self.received.moved / self.size
        assert self.touched is not None, "there was one of the two instruments"
        return max(self.touched.source), max(self.touched.destination)


def watch_transfers(
    device: Device, sender: DeviceProcess, receiver: DeviceProcess, payloads: Sequence[tuple[Channel, int]]
) -> list[Transfer]:
    """Carry payloads, one after the other, each of so many bytes through a channel between the two.

    Raises NoInstrumentError where the device has neither of the two for one of the channels.
    """
    watcher = _Watcher(device, sender, receiver)
    functions = dict.fromkeys(function for channel, _ in payloads for function in channel.functions)
    with count_copies(device, sender, receiver, functions=functions) as counts:
        transfers = [watcher.watch(channel, size) for channel, size in payloads]
    if counts is not None:
        copied = zip(counts.of(sender.main), counts.of(receiver.main), strict=True)
        transfers = [
            replace(transfer, sent=sent, received=received) if counts.sees(*channel.functions) else transfer
            for transfer, (channel, _), (sent, received) in zip(transfers, payloads, copied, strict=True)
        ]
    if not all(transfer.touched or transfer.sent for transfer in transfers):
        raise NoInstrumentError
    return transfers


class _Watcher:
    """Sees all of a payload's way from one process to another that needs no recording."""

    def __init__(self, device: Device, sender: DeviceProcess, receiver: DeviceProcess) -> None:
        self._sender = sender
        self._receiver = receiver
        self._addresses = KernelAddresses(device)
        self._bytes_watched = watchpoints_count(sender)
        self._frames_watched = self._bytes_watched and self._frames_can_be_watched()
        self._seeds = itertools.count(1)

    def watch(self, channel: Channel, size: int) -> Transfer:
        seed = next(self._seeds)
        expected = digest(fill_pattern(size, seed))
        self._sender.memory.fill(channel.source, size, seed)
        with contextlib.ExitStack() as watchpoints:
            touched = self._set(watchpoints, channel, size)
            marked(self._sender.main, channel.send(size))
            at_receiver_once_sent = self._lies_at(channel.destination, size, expected)
            self._sender.memory.fill(channel.source, size, next(self._seeds))
            marked(self._receiver.main, channel.receive(size))
            at_receiver_once_received = self._lies_at(channel.destination, size, expected)
            counted = touched()
        channel.finish()
        return Transfer(channel.name, size, at_receiver_once_sent, at_receiver_once_received, counted)

    def _set(
        self, watchpoints: contextlib.ExitStack, channel: Channel, size: int
    ) -> Callable[[], Touched | None]:
        """Set watchpoints for a payload, if there are any; returns how to read how often they were hit."""
        if not self._bytes_watched:
            return lambda: None
        samples = (0, size // 2, size - 1)
        source = [channel.source + sample for sample in samples]
        destination = [channel.destination + sample for sample in samples]
        beside = channel.destination + size // 4
        frame = self._frame_address(beside)
        if frame is not None:
            source.append(frame)
        sender, receiver = (
            watchpoints.enter_context(Watchpoints(process, process.main, addresses))
            for process, addresses in ((self._sender, source), (self._receiver, destination))
        )

        def touched() -> Touched:
            counts = sender.counts()
            stayed = frame is not None and frame == self._frame_address(beside)
            return Touched(counts[:3], counts[3] if stayed else None, receiver.counts())

        return touched

    def _lies_at(self, destination: int, size: int, expected: bytes) -> bool:
        try:
            return self._receiver.memory.digest(destination, size) == expected
        except OSError as error:
            if error.errno != errno.EFAULT:
                raise
            return False  # no page is there yet

    def _frame_address(self, address: int) -> int | None:
        """The kernel's address of a byte of the receiver's; None where it is of no use."""
        return self._addresses.of(self._receiver, address) if self._frames_watched else None

    def _frames_can_be_watched(self) -> bool:
        process = self._sender
        with process.memory.allocate(process.page_size) as buffer:
            buffer.fill(0)
            address = self._addresses.of(process, buffer.address)
            return address is not None and kernel_watchpoints_count(process, buffer, address)
