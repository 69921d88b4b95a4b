"""Who is behind handle 0, who else may be, and the first calls of a process on libbinder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.binder import open_ends
from harness.binder.endpoint import Binder
from harness.binder.errors import DeadObjectError
from harness.binder.services.interface import BasicCode
from harness.binder.services.service import BINDER
from harness.binder.services.wire import Dialect
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import SUCCESS, attempt
from harness.experiments.instruments.node_files import free_node
from harness.experiments.instruments.service_managers import running
from harness.kernel.tracing.binder_transactions import SENT, base_name, transaction_events
from harness.kernel.tracing.kprobes import Argument, Kprobe

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

MOST_LOOKED_UP = 10
TARGET = Kprobe(
    "binder_transaction",
    (Argument("tr", position=3, type="u32", member="target.handle", offset=0, label="handle"),),
)
"""The handle that a transaction is for; the tracepoint shows the node alone."""
CLIENT = ("service", "check", "manager")
"""AOSP's own client, which every device has, with the device's own libbinder."""
CLIENT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HandleZero:
    """What is behind handle 0 of a process that has looked nothing up."""

    ping: str
    """The outcome of a ping: `success`, or BR_DEAD_REPLY."""
    release: str
    """The Android releases whose service manager has its methods."""
    service_manager: int | None
    """The process that runs as the service manager; None where only root could see it."""
    owner: int | None
    """Whose node it is by the driver's records, 0 for nobody's; None where they are not shown."""
    handles_found: tuple[int, ...]
    """The handles of up to ten of the services that it lists; none of them should be 0."""


@measurement("handle-zero", "What is behind handle 0 of a process that has looked nothing up.")
def measure_handle_zero(device: Device) -> HandleZero:
    """Ping handle 0 before anything else, find its owner in the driver's records, then look services up."""
    with running(device) as place, device.process() as process, Binder.open(process, BINDER) as fresh:
        try:
            fresh.transact(0, BasicCode.PING_TRANSACTION)
            ping = SUCCESS
        except DeadObjectError as error:
            ping = error.command.name
        fresh.references.acquire(0)
        found = map(place.manager.check, place.manager.list()[:MOST_LOOKED_UP])
        return HandleZero(
            ping=ping,
            release=place.manager.dialect.name,
            service_manager=place.pid if device.facts.root else None,
            owner=_owner_of_handle_zero(device, process) if device.facts.binder_debug else None,
            handles_found=tuple(handle for handle in found if isinstance(handle, int)),
        )


def _owner_of_handle_zero(device: Device, process: DeviceProcess) -> int:
    state = device.binder.state()
    nodes = {
        reference.node
        for block in state.of_process(process.pid)
        for reference in block.references
        if reference.handle == 0
    }
    owners = {block.pid for block in state.processes for node in block.nodes if node.debug_id in nodes}
    return owners.pop() if len(owners) == 1 else 0


@dataclass(frozen=True, slots=True)
class SecondContextManager:
    """The outcomes of becoming context manager where there is one: names of errnos, or `success`."""

    beside_service_manager: str
    """Of BINDER_SET_CONTEXT_MGR on /dev/binder."""
    beside_service_manager_extended: str
    """Of BINDER_SET_CONTEXT_MGR_EXT there."""
    on_free_device: str | None
    """Of the first process on a device that has none; None where all devices have one."""
    beside_it: str | None
    """Of a second process there."""
    once_more: str | None
    """Of the first process itself there."""


@measurement("second-context-manager", "Whether a device takes a second context manager.")
def measure_second_context_manager(device: Device) -> SecondContextManager:
    """Try on the service manager's device, and with two processes of our own on one that has none."""
    with device.process() as process, Binder.open(process, BINDER) as other:
        beside = attempt(other.become_context_manager)
        extended = attempt(lambda: other.become_context_manager(extended=True))
    if device.facts.free_binder_device is None:
        return SecondContextManager(beside, extended, None, None, None)
    with open_ends(device, free_node(device.facts)) as pair:
        return SecondContextManager(
            beside_service_manager=beside,
            beside_service_manager_extended=extended,
            on_free_device=SUCCESS,  # otherwise there would be no pair
            beside_it=attempt(pair.client.become_context_manager),
            once_more=attempt(pair.server.become_context_manager),
        )


@dataclass(frozen=True, slots=True)
class FirstCalls:
    """The first transactions of a process on libbinder."""

    service_manager: int
    """The process that runs as the service manager."""
    calls: tuple[str, ...]
    """The names of their codes, in order."""
    receivers: tuple[int, ...]
    """The processes they went to."""
    handles: tuple[int, ...] | None
    """The handles they were for; None where the kernel takes no probe."""
    complete: bool
    """Whether the trace lost no events."""


@measurement("first-calls", "The first calls of a process on libbinder, and where they go.")
def measure_first_calls(device: Device) -> FirstCalls:
    """Trace AOSP's `service check manager` from its first instruction to its end."""
    probes = [TARGET] if device.tracing.can_probe(TARGET) else []
    events = transaction_events(device.tracing, SENT)
    with running(device) as place, device.program(CLIENT) as client:
        with device.tracing.record(events=events, kprobes=probes, pids=[client.pid]) as recording:
            client.resume()
            client.wait(Deadline(CLIENT_SECONDS))
        calls = [event for event in recording.events() if base_name(event.name) == SENT]
        handles = [event.fields["handle"] for event in recording.events(TARGET.event)]
        return FirstCalls(
            service_manager=place.pid,
            calls=tuple(_name_of(int(event.fields["code"]), place.manager.dialect) for event in calls),
            receivers=tuple(int(event.fields["dest_proc"]) for event in calls),
            handles=tuple(map(int, handles)) if probes else None,
            complete=not recording.lost,
        )


def _name_of(code: int, dialect: Dialect) -> str:
    if 1 <= code <= len(dialect.methods):
        return dialect.methods[code - 1]
    return BasicCode(code).name if code in BasicCode._value2member_map_ else f"code {code}"
