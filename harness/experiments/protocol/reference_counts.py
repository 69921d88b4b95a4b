"""How references to an object are counted: by the commands of its holder, and the owner's answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Binder, Node, Pair, Parcel
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.commands import Command
from harness.binder.abi.structures import TransactionFlag
from harness.binder.driver.payload import Loaded
from harness.binder.driver.received import ReceivedBuffer
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.non_blocking import (
    drain,
    exchange,
    names,
    only,
    open_non_blocking,
    without_noop,
)

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

OBJECT = Node(ptr=0x1000, cookie=0xC00C1E)


@dataclass(frozen=True, slots=True)
class HandleCounts:
    """What the driver's debug files show of a process's handle (`ref … s … w …`)."""

    strong: int
    weak: int


@dataclass(frozen=True, slots=True)
class ObjectCounts:
    """What they show of the object itself (`node …`); None is what this driver does not print."""

    has_strong: bool
    """The owner was sent BR_ACQUIRE, and not BR_RELEASE since (`hs`)."""
    has_weak: bool
    """The owner was sent BR_INCREFS, and not BR_DECREFS since (`hw`)."""
    local_strong: int | None
    """Held by the driver until the owner has written BC_ACQUIRE_DONE (`ls`)."""
    local_weak: int | None
    """Held by the driver until the owner has written BC_INCREFS_DONE (`lw`)."""
    internal_strong: int | None
    """Held by the handles of others (`is`)."""
    handles: int | None
    """How many processes have a handle (`iw`)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what the driver shows after it."""

    by: str
    """`owner` or `holder`."""
    command: str
    owner_received: tuple[str, ...]
    """What the driver returned to the owner in consequence."""
    handle: HandleCounts | None
    """None where the holder has no handle."""
    object: ObjectCounts | None
    """None where the driver has no object."""


@dataclass(frozen=True, slots=True)
class ReferenceCounts:
    """The life of one object's references."""

    sent: Node
    """The object as its owner sent it."""
    named: tuple[Node, ...]
    """How the driver named it whenever it notified the owner."""
    steps: tuple[Step, ...]


@measurement("reference-counts", "How each command counts a reference, and what the owner receives.")
def measure_reference_counts(device: Device) -> ReferenceCounts:
    """Send an object one-way, have the receiver take and drop references, and look after each command."""
    with open_non_blocking(device) as pair:
        owner, holder = pair.client, pair.server
        exchange(owner, commands.EnterLooper())
        experiment = _Experiment(device, pair)
        sending = commands.Transaction(flags=TransactionFlag.TF_ONE_WAY)
        experiment.write(owner, owner.ioctls.payloads.load(sending, Parcel().node(OBJECT)))
        experiment.write(owner, commands.IncrefsDone(OBJECT.ptr, OBJECT.cookie))
        experiment.write(owner, commands.AcquireDone(OBJECT.ptr, OBJECT.cookie))
        received = only(returns.Transaction, exchange(holder, commands.EnterLooper()))
        buffer = ReceivedBuffer(holder.ioctls, received)
        (handle,) = objects.handles(*buffer.read())
        experiment.write(holder, commands.Increfs(handle))
        experiment.write(holder, commands.Acquire(handle))
        experiment.write(holder, buffer.released())
        experiment.write(holder, commands.Release(handle))
        experiment.write(holder, commands.Decrefs(handle))
        return ReferenceCounts(OBJECT, tuple(experiment.named), tuple(experiment.steps))


class _Experiment:
    """Looks at both sides after each command of either."""

    def __init__(self, device: Device, pair: Pair[DeviceProcess]) -> None:
        self.named: list[Node] = []
        self.steps: list[Step] = []
        self._device = device
        self._pair = pair

    def write(self, end: Binder, written: Command | Loaded) -> None:
        """Have an end write a command, and add the step."""
        owner = self._pair.client
        command = written.command if isinstance(written, Loaded) else written
        returned = exchange(end, written)
        received = [*(returned if end is owner else ()), *drain(owner)]
        self.named += [
            Node(notice.ptr, notice.cookie)
            for notice in received
            if isinstance(notice, returns.Increfs | returns.Acquire | returns.Release | returns.Decrefs)
        ]
        self.steps.append(
            Step(
                by="owner" if end is owner else "holder",
                command=command.TAG.name,
                owner_received=tuple(without_noop(names(received))),
                handle=self._handle(),
                object=self._object(),
            )
        )

    def _handle(self) -> HandleCounts | None:
        references = self._device.binder.process(self._pair.server_process.pid).references
        return next((HandleCounts(found.strong, found.weak) for found in references), None)

    def _object(self) -> ObjectCounts | None:
        nodes = self._device.binder.process(self._pair.client_process.pid).nodes
        found = next((node for node in nodes if node.pointer == OBJECT.ptr), None)
        if found is None:
            return None
        return ObjectCounts(
            has_strong=found.has_strong_reference,
            has_weak=found.has_weak_reference,
            local_strong=found.local_strong,
            local_weak=found.local_weak,
            internal_strong=found.internal_strong,
            handles=found.internal_weak,
        )
