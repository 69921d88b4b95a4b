"""How often each byte is copied between two processes, through Binder and through older channels."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import reason_of
from harness.experiments.copies.binder_channel import Arrival, BinderChannel
from harness.experiments.copies.channels import OTHER_CHANNELS, Channel
from harness.experiments.copies.transfers import Transfer, watch_transfers
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.non_blocking import open_non_blocking

if TYPE_CHECKING:
    from harness.device.device import Device

BINDER_SIZES = (100, 10_000, 200_000)
OTHER_SIZES = (100, 8_000)


@dataclass(frozen=True, slots=True)
class BinderCopies:
    """Calls of several sizes."""

    transfers: tuple[Transfer, ...]
    arrivals: tuple[Arrival, ...]
    """Of the payloads, call by call."""
    mapping: int
    """Address of the receiver's mapping."""
    mapped: int
    """Bytes mapped."""


@measurement("binder-copies", "How often the kernel copies each byte of a Binder call.")
def measure_binder_copies(device: Device, sizes: tuple[int, ...] = BINDER_SIZES) -> BinderCopies:
    """Make a call of each size, after one that has the driver provide pages for the largest."""
    with open_non_blocking(device) as pair:
        channel = BinderChannel(pair, in_rust=device.facts.driver == "Rust")
        payloads = [(channel, size) for size in (max(sizes), *sizes)]
        _, *transfers = watch_transfers(device, pair.client_process, pair.server_process, payloads)
        _, *arrivals = channel.arrivals
        return BinderCopies(tuple(transfers), tuple(arrivals), pair.server.mapping, pair.server.size)


@dataclass(frozen=True, slots=True)
class OtherCopies:
    """The same through other channels."""

    transfers: tuple[Transfer, ...]
    missing: dict[str, str]
    """Channels that cannot be opened on this device, and why."""


@measurement(
    "other-copies", "How often the kernel copies each byte through a pipe, a socket, a message queue."
)
def measure_other_copies(device: Device, sizes: tuple[int, ...] = OTHER_SIZES) -> OtherCopies:
    """Send a payload of each size through each channel."""
    channels: list[Channel] = []
    missing: dict[str, str] = {}
    with device.process() as sender, device.process() as receiver, contextlib.ExitStack() as opened:
        for kind in OTHER_CHANNELS:
            try:
                channels.append(opened.enter_context(contextlib.closing(kind(sender, receiver))))
            except OSError as error:
                missing[kind.name] = reason_of(error)
        payloads = [(channel, size) for channel in channels for size in sizes]
        return OtherCopies(tuple(watch_transfers(device, sender, receiver, payloads)), missing)
