"""What Acme's guide to Binder says, judged on a device."""

import threading
from dataclasses import dataclass

from harness import Binder, Device, Facts, Figure, Finding, Need, Parcel, claim, measurement, source_document

source_document(
    "Z",
    "Acme's guide to Binder",
    about="how our services are called",
    url="https://wiki.acme.example/binder",
)

LONGEST = 10.0
"""Seconds that the handler waits at most."""


@dataclass(frozen=True)
class Order:
    """What a one-way call and its handler did, in order of time."""

    events: tuple[str, ...]


@measurement("one-way-order", "Whether a one-way call returns before its handler does.")
def measure_one_way_order(device: Device) -> Order:
    """Call one-way, and let the handler return only after the call has."""
    events: list[str] = []
    call_returned, handler_returned = threading.Event(), threading.Event()

    def handler(call: object) -> Parcel:
        call_returned.wait(LONGEST)
        events.append("the handler returns")
        handler_returned.set()
        return Parcel()

    path = device.facts.free_binder_device
    with device.process() as server, device.process() as client:
        manager = Binder.open(server, path)
        manager.become_context_manager()
        manager.serve(handler)
        Binder.open(client, path).transact(handle=0, code=1, one_way=True)
        events.append("the call returns")
        call_returned.set()
        handler_returned.wait(LONGEST)
    return Order(tuple(events))


@claim(
    "acme.one-way",
    measure=measure_one_way_order,
    documents="Z",
    statement="A one-way call returns before its handler does.",
    experiment="Call one-way a handler that waits until the call has returned.",
    source="drivers/android/binder.c, binder_transaction: no reply is awaited with TF_ONE_WAY, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def acme_one_way(m: Order, facts: Facts) -> Finding:
    """A call that waited for its handler would come second."""
    return Finding.whether(
        m.events == ("the call returns", "the handler returns"),
        "in order of time: {events}",
        events=Figure(m.events, "the caller's and the handler's threads"),
    )
