"""Broadcasts and bound services whose senders, receivers and clients are AOSP's own Java."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder.driver.open_file import binder_vm_size
from harness.binder.parcels.status import ExceptionCode
from harness.experiments.framework.bindings import COUNTER, SERVICE, Bindings
from harness.experiments.framework.broadcasts import (
    ACTION,
    NOTICE,
    PROTECTED_ACTION,
    SHELL_UID,
    STEP,
    WINDOW,
    BroadcastHops,
    Delivery,
    IntentLimits,
    Marshalling,
)
from harness.experiments.framework.java_chain import chain
from harness.experiments.instruments.largest import largest_accepted
from harness.framework.intent import Intent
from harness.framework.java.errors import JavaError
from harness.framework.java.process import JavaProcess, open_java_processes
from harness.recording.record import record_transactions

if TYPE_CHECKING:
    from harness.device.device import Device

ROOT_UID = 0
INTENT = Intent(action=ACTION, extras={"data": NOTICE})
TO_NOBODY = Intent(action=f"{ACTION}.NOBODY")
MARK = Intent(action=ACTION)
SMALL = 1024
"""Bytes of an extra by which the size of everything else in a transaction is found."""
EXCEPTIONS = {
    "SecurityException": ExceptionCode.EX_SECURITY,
    "IllegalStateException": ExceptionCode.EX_ILLEGAL_STATE,
}


@dataclass(frozen=True, slots=True)
class Parties:
    """Processes of AOSP's Java."""

    manager: JavaProcess
    """The stand-in for the activity manager."""
    sender: JavaProcess
    receiver: JavaProcess
    queue: int | None
    """The release of Android whose BroadcastQueue the stand-in has."""
    others: tuple[JavaProcess, ...] = ()

    @property
    def names(self) -> dict[int, str]:
        """Their names in diagrams, by process id."""
        return {
            self.manager.pid: "activity_standin",
            self.sender.pid: "sender",
            self.receiver.pid: "receiver",
        }


@contextmanager
def _parties(device: Device, *, more: int = 0) -> Iterator[Parties]:
    """Start the stand-in, a sender that is adb's user, a receiver of the action, and so many others."""
    with open_java_processes(device, ROOT_UID, ROOT_UID, SHELL_UID, *([ROOT_UID] * more)) as processes:
        manager, receiver, sender, *others = processes
        queue = manager.serve_activity_manager()
        receiver.register_receiver(ACTION)
        yield Parties(manager, sender, receiver, queue, tuple(others))


def java_delivery(device: Device) -> Delivery:
    """As `measure_broadcast`, by ContextImpl.sendBroadcast and to BroadcastReceiver.onReceive."""
    with _parties(device) as parties:
        parties.sender.send_broadcast(INTENT)
        intent = parties.receiver.received().intent
        extras = {name: str(value) for name, value in (intent.extras or {}).items()}
        sender, receiver = parties.sender.pid, parties.receiver.pid
        return Delivery(
            True, sender, receiver, intent.action, extras, java=device.facts.java, queue=parties.queue
        )


def java_broadcast_hops(device: Device) -> BroadcastHops:
    """As `measure_broadcast_hops`; the process has looked nothing up before."""
    with _parties(device) as parties:
        sender, receiver = parties.sender, parties.receiver
        recorded, chains = [], []
        for _ in range(2):
            with record_transactions(device) as record:
                sender.send_broadcast(INTENT)
                receiver.received()
            hops = record.hops.involving(*parties.names).naming(parties.names)
            recorded.append(hops)
            chains.append(chain(sender.last_calls, hops.caused_by(sender.pid)))
        last = next(hop for hop in reversed(recorded[1].hops) if hop.receiver.process == receiver.pid)
        return BroadcastHops.of(
            recorded,
            sender.pid,
            parties.manager.pid,
            last,
            stand_in=True,
            java=device.facts.java,
            queue=parties.queue,
            chain="\n\n".join(chains),
        )


def java_marshalling(device: Device) -> Marshalling:
    """As `measure_marshalling`; the exception is what Parcel.readException throws."""
    with _parties(device) as parties:
        sender = parties.sender
        sender.send_broadcast(TO_NOBODY)  # which looks the activity manager up
        with record_transactions(device) as record:
            sender.send_broadcast(TO_NOBODY)
        call, reply, *_ = record.hops.caused_by(sender.pid)
        exception, text = ExceptionCode.EX_NONE, ""
        with record_transactions(device) as second:
            try:
                sender.send_broadcast(Intent(action=PROTECTED_ACTION))
            except JavaError as error:
                exception, text = EXCEPTIONS[error.root.name], error.root.text or ""
        answered = [hop for hop in second.hops.caused_by(sender.pid) if hop.reply]
        return Marshalling(
            stand_in=True,
            code=call.code,
            call_size=call.data_size or 0,
            reply_size=reply.data_size or 0,
            returned=None,  # which ContextImpl drops
            exception=exception,
            message=text,
            carried_out=bool(answered) and all(hop.received is not None for hop in answered),
            java=device.facts.java,
        )


def java_intent_limits(device: Device) -> IntentLimits:
    """As `measure_intent_limits`; a refusal is the exception that sendBroadcast throws."""
    mapping = binder_vm_size(device.facts.page_size)
    with _parties(device) as parties:
        sender, receiver = parties.sender, parties.receiver
        sender.send_broadcast(TO_NOBODY)
        with record_transactions(device) as record:
            sender.send_broadcast(INTENT, size=SMALL)
            receiver.received()
        sent, delivered = (
            next(
                hop
                for hop in record.hops.without_replies()
                if ends == (hop.sender.process, hop.receiver.process)
            )
            for ends in ((sender.pid, parties.manager.pid), (parties.manager.pid, receiver.pid))
        )
        refusals: list[JavaError] = []

        def taken(size: int) -> bool:
            try:
                sender.send_broadcast(TO_NOBODY, size=size)
            except JavaError as error:
                refusals.append(error.root)
                return False
            return True

        def arrives(size: int) -> bool:
            sender.send_broadcast(INTENT, size=size)
            sender.send_broadcast(MARK)
            if receiver.received().size is None:
                return False
            receiver.received()  # the mark
            return True

        overhead = (sent.data_size or 0) - SMALL
        overhead_one_way = (delivered.data_size or 0) - SMALL
        taken(mapping)
        largest = largest_accepted(taken, low=mapping - WINDOW, high=mapping, step=STEP)
        half = mapping // 2
        largest_one_way = largest_accepted(arrives, low=half - WINDOW, high=half + WINDOW, step=STEP)
        return IntentLimits(
            stand_in=True,
            mapping=mapping,
            largest_call=largest + overhead,
            largest_delivery=largest_one_way + overhead_one_way,
            next_works=arrives(1),
            refusal=f"{refusals[0].java_class}: {refusals[0].text or 'no message'}",
            java=device.facts.java,
            queue=parties.queue,
        )


def java_bindings(device: Device) -> Bindings:
    """As `measure_bindings`, by ContextImpl.bindService and to Service.onBind."""
    with _parties(device, more=1) as parties:
        (second,) = parties.others
        service = parties.receiver
        service.offer_service(SERVICE, COUNTER)
        replies = []
        names = {**parties.names, service.pid: "service", parties.sender.pid: "first client"}
        names[second.pid] = "second client"
        with record_transactions(device) as record:
            for client in (parties.sender, second):
                client.bind_service(SERVICE)
                replies.append(client.transact(client.connected(), 1, COUNTER).int32())
        hops = record.hops.involving(service.pid, parties.sender.pid, second.pid).naming(names)
        return Bindings(
            True, service.binds, len(replies), tuple(replies), hops.text(), hops.diagram(), device.facts.java
        )
