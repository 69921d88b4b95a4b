"""Experiments with bound services, through the device's activity manager or a stand-in for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError
from harness.binder.parcels.parcel import Parcel
from harness.binder.serving.call import Call
from harness.framework.bound_service import open_application, open_bound_service
from harness.framework.history import service_bindings
from harness.framework.intent import ComponentName
from harness.framework.standin import open_framework
from harness.recording.record import record_transactions
from harness.recording.sequence_diagram import SequenceDiagram

if TYPE_CHECKING:
    from harness.device.device import Device

SECONDS = 10.0
SERVICE = ComponentName("com.example", "com.example.Counter")
COUNTER = "com.example.ICounter"


@dataclass(frozen=True, slots=True)
class Bindings:
    """Two clients of one service."""

    stand_in: bool
    binds: int
    """How often the service's onBind was called."""
    clients: int
    replies: tuple[int, ...]
    """The replies of the object to its clients: the number of calls to it so far."""
    text: str
    """The transactions, hop by hop; of a binding that was found, its record."""
    diagram: SequenceDiagram | None = None
    """The same; None where nothing was traced."""
    java: int | None = None
    """The release of AOSP's Java whose classes took part; None where Python's did."""


def bindings(device: Device) -> Bindings:
    """Bind a service twice; with a framework, find one that is bound by several in `dumpsys`.

    Raises FacilityMissingError where no service has several clients.
    """
    with open_framework(device) as framework:
        return _bind_twice(device) if framework.stand_in else _bound_by_several(device)


def _bound_by_several(device: Device) -> Bindings:
    shared = [record for record in service_bindings(device) if record.received and record.clients > 1]
    if not shared:
        raise FacilityMissingError("`dumpsys activity services` shows no service with several clients now.")
    return Bindings(False, binds=1, clients=shared[0].clients, replies=(), text=str(shared[0]))


def _bind_twice(device: Device) -> Bindings:
    calls = 0

    def count(call: Call) -> Parcel:
        nonlocal calls
        calls += 1
        return Parcel(call.wire).no_exception().int32(calls)

    replies: list[int] = []
    with (
        open_bound_service(device, SERVICE, COUNTER, count) as service,
        open_application(device) as first,
        open_application(device) as second,
        record_transactions(device) as record,
    ):
        for client in (first, second):
            client.bind(SERVICE)
            handle = client.connected(Deadline(SECONDS)).handle
            if handle is not None:
                data = Parcel(client.manager.wire).interface_token(COUNTER)
                replies.append(client.binder.transact(handle, 1, data).check_exception().int32())
        names = {service.pid: "service", first.pid: "first client", second.pid: "second client"}
        hops = record.hops.involving(*names).naming(names)
    # What the service received, not what was recorded of it: without a probe, hops have no interface.
    return Bindings(True, len(service.bound), len(replies), tuple(replies), hops.text(), hops.diagram())
