"""What a transaction or a reply carries, and the one way to put it into the sender's memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from harness.agent.operations import Write
from harness.agent.scratch import Scratch
from harness.binder.abi import commands
from harness.binder.abi.commands import Command
from harness.binder.parcels.parcel import Parcel

Carrier = TypeVar("Carrier", commands.Transaction, commands.Reply)


@dataclass(frozen=True, slots=True)
class RemotePayload:
    """Data that is already in the sender's memory, and is not transferred between host and device.

    Addresses are the sender's, sizes in bytes; `offsets` is an array of 64-bit words there.
    """

    address: int
    size: int
    offsets: int = 0
    offsets_size: int = 0


Data = Parcel | RemotePayload
"""What a transaction or a reply carries."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A transaction or reply that refers to its payload, and the write that puts the payload into memory."""

    command: Command
    payload: Write | None = None


class PayloadMemory:
    """Memory of the sender for the payload of its next transaction or reply."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch

    def address_for(self, parcel: Parcel) -> int:
        """Where the parcel is laid out if it is loaded next."""
        return self._scratch.address(parcel.placed_size)

    def load(self, command: Carrier, data: Data) -> Loaded:
        """The command with the sizes and addresses of `data`, and the write that places the data.

        A parcel with buffer objects turns the command into BC_TRANSACTION_SG or BC_REPLY_SG.
        """
        if isinstance(data, RemotePayload):
            return Loaded(
                replace(
                    command,
                    data_size=data.size,
                    offsets_size=data.offsets_size,
                    buffer=data.address,
                    offsets=data.offsets,
                )
            )
        address = self.address_for(data)
        placed = data.place(address)
        loaded = replace(
            command,
            data_size=placed.data_size,
            offsets_size=placed.offsets_size,
            buffer=address,
            offsets=placed.offsets,
        )
        payload = Write(address, placed.memory) if placed.memory else None
        if not placed.buffers_size:
            return Loaded(loaded, payload)
        kind = commands.TransactionSg if isinstance(loaded, commands.Transaction) else commands.ReplySg
        return Loaded(kind.unpack(loaded.pack() + placed.buffers_size.to_bytes(8, "little")), payload)
