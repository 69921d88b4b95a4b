"""Experiments with broadcasts, through the device's activity manager or a stand-in for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError
from harness.binder.driver.open_file import binder_vm_size
from harness.binder.errors import RemoteError
from harness.binder.services.service_manager import ServiceManager
from harness.binder.services.wire import INTERFACE as SERVICE_MANAGER
from harness.experiments.instruments.largest import largest_accepted
from harness.framework.activity_manager import ActivityManager, IntentTooLargeError
from harness.framework.dialect import framework_release
from harness.framework.intent import Intent
from harness.framework.receiver import Receiver, Sender, open_receiver, open_sender
from harness.framework.standin import Framework, open_framework
from harness.kernel.tracing.binder_transactions import Hop
from harness.recording.hops import Hops
from harness.recording.record import record_transactions
from harness.recording.sequence_diagram import SequenceDiagram

if TYPE_CHECKING:
    from harness.device.device import Device

SECONDS = 10.0
ACTION = "com.example.broadcast.MY_NOTIFICATION"
NOTICE = "Notice me senpai!"
PROTECTED_ACTION = "android.intent.action.BOOT_COMPLETED"
SHELL_UID = 2000
STEP = 4096
"""To which the largest Intents are found, in bytes."""
WINDOW = 4 * STEP
"""Within which of the expected size they are looked for."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A broadcast that a receiver in another process was waiting for."""

    stand_in: bool
    sender: int
    receiver: int
    """Processes."""
    action: str | None
    extras: Mapping[str, str] | None
    """As text, each of them."""
    java: int | None = None
    """The release of AOSP's Java whose classes took part; None where Python's did."""
    queue: int | None = None
    """The release of Android whose BroadcastQueue the stand-in had; None for one of its own, or Android's."""


def delivery(device: Device) -> Delivery:
    """Send document A's broadcast; TimeLimitError where it does not arrive within ten seconds."""
    with _sender_and_receiver(device) as (framework, sender, receiver):
        sender.send(Intent(action=ACTION, extras={"data": NOTICE}))
        intent = receiver.next(Deadline(SECONDS)).intent
        extras = None
        if intent.extras is not None:
            extras = {name: str(value) for name, value in intent.extras.items()}
        return Delivery(framework.stand_in, sender.pid, receiver.pid, intent.action, extras)


@dataclass(frozen=True, slots=True)
class BroadcastHops:
    """The path of two broadcasts of one process: it looks the activity manager up for the first alone."""

    stand_in: bool
    first: tuple[str, ...]
    second: tuple[str, ...]
    """The names of the processes on the path of the sender's own calls, the sender first."""
    lookups: tuple[int, int]
    """Calls to the service manager, of the first and of the second."""
    last_hop_one_way: bool
    last_hop_from_activity_manager: bool
    lost: bool
    """Whether events were lost, so that the rest proves nothing."""
    text: str
    """Both, hop by hop."""
    diagram: SequenceDiagram
    """The first."""
    java: int | None = None
    """The release of AOSP's Java whose classes took part; None where Python's did."""
    queue: int | None = None
    """The release of Android whose BroadcastQueue the stand-in had; None for one of its own, or Android's."""
    chain: str = ""
    """Of Java's: the methods down to each of the transactions."""

    @classmethod
    def of(
        cls,
        recorded: Sequence[Hops],
        sender: int,
        manager: int | None,
        last: Hop,
        *,
        stand_in: bool,
        java: int | None = None,
        queue: int | None = None,
        chain: str = "",
    ) -> BroadcastHops:
        """Those of both broadcasts, by the pids of sender and activity manager; `last` is the last hop."""
        first, second = (hops.caused_by(sender).without_replies() for hops in recorded)
        return cls(
            stand_in=stand_in,
            first=processes_along(first),
            second=processes_along(second),
            lookups=(lookups_in(first), lookups_in(second)),
            last_hop_one_way=last.one_way,
            last_hop_from_activity_manager=last.sender.process == manager,
            lost=any(hops.lost for hops in recorded),
            text="\n\n".join(hops.text() for hops in recorded),
            diagram=recorded[0].diagram(),
            java=java,
            queue=queue,
            chain=chain,
        )


def broadcast_hops(device: Device) -> BroadcastHops:
    """Trace the lookup and the broadcast of a process, and then its second broadcast."""
    notice = Intent(action=ACTION, extras={"data": NOTICE})
    with _sender_and_receiver(device) as (framework, sender, receiver):
        services = ServiceManager(sender.binder)
        _ = services.dialect  # detected before the trace, as Android's processes know theirs
        with record_transactions(device) as first:
            ActivityManager.find(device, sender.binder, manager=services).broadcast(notice)
            receiver.next(Deadline(SECONDS))
        with record_transactions(device) as second:
            sender.send(notice)
            receiver.next(Deadline(SECONDS))
        names = {sender.pid: "sender", receiver.pid: "receiver"}
        recorded = [record.hops.involving(*names).naming(names) for record in (first, second)]
        # By process, not by interface: only a probe on the driver shows that of a call to an app.
        calls = recorded[1].without_replies().hops
        sent = [hop for hop in calls if hop.sender.process == sender.pid][-1]
        last = [hop for hop in calls if hop.receiver.process == receiver.pid][-1]
        manager = sent.receiver.process
        return BroadcastHops.of(recorded, sender.pid, manager, last, stand_in=framework.stand_in)


@dataclass(frozen=True, slots=True)
class Marshalling:
    """A call that returns and one that throws, as they are on the wire; sizes in bytes."""

    stand_in: bool
    code: int
    call_size: int
    reply_size: int
    returned: int | None
    """What the first call's reply holds behind its first word, by which there is no exception, where seen."""
    exception: int
    """The word in its place in the second call's reply."""
    message: str
    """The text of that exception."""
    carried_out: bool
    """Whether the driver carried the second call out as it does any other."""
    java: int | None = None
    """The release of AOSP's Java whose classes took part; None where Python's did."""


def marshalling(device: Device) -> Marshalling:
    """Send a broadcast, and, as adb's user, one that only the system may send."""
    with (
        open_framework(device) as framework,
        open_sender(device, uid=SHELL_UID) as sender,
    ):
        with record_transactions(device) as record:
            returned = sender.send(Intent(action=ACTION))
        call, reply, *_ = record.hops.caused_by(sender.pid)
        with record_transactions(device) as second:
            try:
                sender.send(Intent(action=PROTECTED_ACTION))
                thrown = RemoteError(0)
            except RemoteError as error:
                thrown = error
        answered = [hop for hop in second.hops.caused_by(sender.pid) if hop.reply]
        return Marshalling(
            stand_in=framework.stand_in,
            code=call.code,
            call_size=call.data_size or 0,
            reply_size=reply.data_size or 0,
            returned=returned,
            exception=thrown.code,
            message=thrown.text or "",
            carried_out=bool(answered) and all(hop.received is not None for hop in answered),
        )


@dataclass(frozen=True, slots=True)
class IntentLimits:
    """The largest Intents, to 4096 bytes; all sizes are of whole transactions, in bytes."""

    stand_in: bool
    mapping: int
    """What the activity manager's libbinder maps."""
    largest_call: int
    """The largest broadcast that the activity manager took."""
    largest_delivery: int
    """The largest that reached a receiver."""
    next_works: bool
    """Whether a small one after all these refusals arrived."""
    refusal: str
    """The error for one Intent above the limit."""
    java: int | None = None
    """The release of AOSP's Java whose classes took part; None where Python's did."""
    queue: int | None = None
    """The release of Android whose BroadcastQueue the stand-in had; None for one of its own, or Android's."""


def intent_limits(device: Device) -> IntentLimits:
    """Find the largest broadcast that is taken, and the largest that arrives.

    FacilityMissingError on an Android of somebody else's: the largest fill system_server's mapping, and
    apps whose calls find no room there meanwhile may crash.
    """
    if device.facts.framework and framework_release(device) and not device.controller.disposable:
        raise FacilityMissingError(
            "needs to fill the activity manager's mapping, so that calls of apps fail meanwhile, and the "
            "device is not the harness's own. It can be tested on the target `embedded`, an AVD or "
            "Cuttlefish."
        )
    mapping = binder_vm_size(device.facts.page_size)
    with _sender_and_receiver(device) as (framework, sender, receiver):
        refusals: list[IntentTooLargeError] = []
        delivered: list[int] = []

        def taken(size: int) -> bool:
            try:
                # To nobody, so that it uses no room but the activity manager's.
                sender.send(Intent(action=f"{ACTION}.NOBODY", extras={"data": bytes(size)}))
            except IntentTooLargeError as error:
                refusals.append(error)
                return False
            return True

        def arrives(size: int) -> bool:
            sender.send(Intent(action=ACTION, extras={"data": bytes(size)}))
            sender.send(Intent(action=ACTION, extras={"mark": True}))
            received = receiver.next(Deadline(SECONDS))
            if "mark" in (received.intent.extras or {}):
                return False
            delivered.append(received.size)
            receiver.next(Deadline(SECONDS))
            return True

        taken(mapping)
        overhead = refusals[0].call_size - mapping
        largest = largest_accepted(taken, low=mapping - WINDOW, high=mapping, step=STEP)
        largest_accepted(arrives, low=mapping // 2 - WINDOW, high=mapping // 2 + WINDOW, step=STEP)
        return IntentLimits(
            stand_in=framework.stand_in,
            mapping=mapping,
            largest_call=largest + overhead,
            largest_delivery=max(delivered, default=0),
            next_works=arrives(1),
            refusal=str(refusals[0]),
        )


@contextmanager
def _sender_and_receiver(device: Device) -> Iterator[tuple[Framework, Sender, Receiver]]:
    with (
        open_framework(device) as framework,
        open_receiver(device, ACTION) as receiver,
        open_sender(device) as sender,
    ):
        yield framework, sender, receiver


def processes_along(hops: Hops) -> tuple[str, ...]:
    """The names of the processes along the hops, each once: the sender, and whom it called."""
    ends = [end for hop in hops for end in (hop.sender, hop.receiver)]
    return tuple({end.process: end.name for end in ends}.values())


def lookups_in(hops: Hops) -> int:
    """How many of them call the service manager."""
    return sum(hop.interface == SERVICE_MANAGER for hop in hops)
