"""What an object becomes on its way through three processes and home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Binder, Node, Parcel
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.structures import FlatBinderObject, ObjectType, TransactionFlag
from harness.binder.driver.received import ReceivedBuffer
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import free_node
from harness.experiments.instruments.non_blocking import FLAGS, drain, exchange, only, open_non_blocking

if TYPE_CHECKING:
    from harness.device.device import Device

OBJECT = Node(ptr=0x1000, cookie=0xC00C1E)
DOOR = Node(ptr=0x2000, cookie=0)
"""An object of the peer's, by which the context manager reaches it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object as it was in the receiver's buffer, and the node that the call was for."""

    type: str
    """The kernel's name of its type word."""
    word: int
    """A handle, or an object's `ptr`."""
    cookie: int
    target: Node
    """The receiver's node that was called, as BR_TRANSACTION names it; the context manager's is all zero."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The stations of one object: from its owner to the context manager, on to a peer, and back from both."""

    sent: Node
    at_manager: Arrival
    at_peer: Arrival
    home_from_manager: Arrival
    home_from_peer: Arrival
    node_ids: tuple[int, ...] | None
    """Ids of the node in the debug files: owner's node, behind the manager's handle, behind the peer's.

    None where the device does not show them.
    """


@measurement("translation", "What an object is at each end of the calls that carry it, and back home.")
def measure_translation(device: Device) -> Translation:
    """Send an object to the context manager, that on to a peer, and both back to the object itself."""
    with (
        open_non_blocking(device) as pair,
        device.process() as peer_process,
        Binder.open(peer_process, free_node(device.facts), flags=FLAGS) as peer,
    ):
        manager, owner = pair.server, pair.client
        for end in (manager, owner, peer):
            exchange(end, commands.EnterLooper())
        door = _carry(peer, 0, Parcel().node(DOOR), manager)
        at_manager = _carry(owner, 0, Parcel().node(OBJECT), manager)
        at_peer = _carry(manager, door.word, Parcel().handle(at_manager.word), peer)
        return Translation(
            sent=OBJECT,
            at_manager=at_manager,
            at_peer=at_peer,
            home_from_manager=_carry(manager, at_manager.word, Parcel().handle(at_manager.word), owner),
            home_from_peer=_carry(peer, at_peer.word, Parcel().handle(at_peer.word), owner),
            node_ids=_node_ids(device, owner, {manager: at_manager, peer: at_peer}),
        )


def _carry(sender: Binder, handle: int, data: Parcel, receiver: Binder) -> Arrival:
    """Call one-way with one object, and take that out of the receiver's buffer; its handle stays acquired."""
    sending = commands.Transaction(target=handle, flags=TransactionFlag.TF_ONE_WAY)
    exchange(sender, sender.ioctls.payloads.load(sending, data))
    call = only(returns.Transaction, drain(receiver))
    buffer = ReceivedBuffer(receiver.ioctls, call)
    (found,) = objects.all_objects(*buffer.read())
    assert isinstance(found, FlatBinderObject)
    if found.type == ObjectType.BINDER_TYPE_HANDLE:
        exchange(receiver, commands.Acquire(found.handle))
    exchange(receiver, buffer.released())
    return Arrival(ObjectType(found.type).name, found.binder, found.cookie, Node(call.target, call.cookie))


def _node_ids(device: Device, owner: Binder, holders: Mapping[Binder, Arrival]) -> tuple[int, ...] | None:
    if not device.facts.binder_debug:
        return None
    nodes = device.binder.process(owner.process.pid).nodes
    ids = [node.debug_id for node in nodes if node.pointer == OBJECT.ptr]
    for holder, arrival in holders.items():
        references = device.binder.process(holder.process.pid).references
        ids += [found.node for found in references if found.handle == arrival.word]
    return tuple(ids)
