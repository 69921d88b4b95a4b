"""What logs, traces, Android's dumps and files show by themselves: errors, slow calls, losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

from emulator.adb.listing import Listing
from harness.binder.refusals.commands import only_asks
from harness.framework.dumps.broadcasts import Broadcasts, DeliveryState, undelivered
from harness.framework.dumps.init_files import InitService, Restarts, in_effect, restarts_with
from harness.framework.dumps.processes import ProcessNames
from harness.framework.dumps.services import BindRecord
from harness.inspect.errors.codes import explain_reply
from harness.inspect.errors.explanation import Explanation
from harness.inspect.errors.lines import explain_line
from harness.inspect.errors.messages import explain_entry, explain_message
from harness.inspect.kinds import Answer, Kind, Place, Question, Section
from harness.inspect.values import Reply
from harness.kernel.binder_debug.kernel_log import KernelMessage, MessageKind, receivers
from harness.kernel.binder_debug.transaction_log import TransactionLog
from harness.recording.hops import Hops

_MOST_PLACES = 20
_MOST_SLOW = 5


def errors(sections: Sequence[Section], names: ProcessNames) -> Iterator[Answer]:
    """The errors in logs, those that mean the same counted together."""
    found: dict[tuple[object, ...], tuple[Explanation, list[Place]]] = {}
    for section in sections:
        for key, explanation, line in _explained(section, names):
            found.setdefault(key, (explanation, []))[1].append(section.at(line))
    for explanation, places in found.values():
        often = f" ({len(places):,} times)" if len(places) > 1 else ""
        yield Answer(
            Question.ERROR,
            f"{explanation.error.rstrip('.')}{often}: {explanation.meaning}",
            (f"at fault: {at_fault(explanation, names)}", f"look at: {explanation.look_at}"),
            tuple(places[:_MOST_PLACES]),
            explanation,
            weight=-places[0].line / 1e9,
        )


def at_fault(explanation: Explanation, names: ProcessNames) -> str:
    """Who is at fault, with the process where it is known."""
    process = explanation.process
    return explanation.at_fault if process is None else f"{names.title(process)}: {explanation.at_fault}"


def _explained(
    section: Section, names: ProcessNames
) -> Iterator[tuple[tuple[object, ...], Explanation, int]]:
    if section.kind == Kind.KERNEL_LOG:
        messages = cast(tuple[KernelMessage, ...], section.value)
        near = {id(failed): other for failed, other in receivers(messages)}
        for message in _of_errors(messages):
            if explanation := explain_message(message, names, near.get(id(message))):
                ends = (message.pid, message.to_pid, message.return_error, message.error_number)
                same = explanation.meaning if message.kind == MessageKind.OTHER else message.kind
                # One-way calls have less space: what is said of them differs.
                yield (same, bool(message.one_way), *ends), explanation, message.line
    elif isinstance(section.value, TransactionLog):
        for entry in section.value.entries:
            if explanation := explain_entry(entry, names, failed=section.kind == Kind.FAILED_LOG):
                ends = (entry.from_pid, entry.to_pid, entry.return_error, entry.return_error_param)
                yield ("log", *ends), explanation, entry.line
    elif isinstance(section.value, Reply) and (error := section.value.error):
        if explanation := explain_reply(error):
            yield ("reply", str(error)), explanation, section.place.line
    elif section.kind == Kind.ERRORS:
        for line, text in cast(tuple[tuple[int, str], ...], section.value):
            if explanation := explain_line(text.strip(), names, alone=False):
                yield ("line", explanation.meaning), explanation, line


def _of_errors(messages: Sequence[KernelMessage]) -> Iterator[KernelMessage]:
    """The messages without those of processes that ask with null pointers what the driver knows.

    Binder harness does so once on each device.
    """
    askers = {message.pid for message in messages if only_asks(message.text)}
    following: KernelMessage | None = None
    kept: list[KernelMessage] = []
    for message in reversed(messages):
        about = message.pid if message.pid is not None or following is None else following.pid
        if message.kind != MessageKind.OTHER or about not in askers:
            kept.append(message)
        following = message
    return reversed(kept)


def deliveries(sections: Sequence[Section]) -> Iterator[Answer]:
    """The broadcasts and bindings that did not arrive, or not yet."""
    for section in sections:
        if isinstance(section.value, Broadcasts):
            for record, delivery in undelivered(section.value.records):
                reason = f" ({delivery.reason})" if delivery.reason else ""
                yield Answer(
                    Question.DELIVERIES,
                    f"{record.action} for user {record.user}"
                    f"{'' if delivery.number is None else f', receiver #{delivery.number}'}: "
                    f"{_OUTCOMES[delivery.state]}{reason}.",
                    (delivery.receiver,),
                    (section.at(delivery.line),),
                    delivery,
                )
        elif section.kind == Kind.SERVICES:
            for binding in cast(tuple[BindRecord, ...], section.value):
                if binding.requested and not binding.received:
                    yield Answer(
                        Question.DELIVERIES,
                        f"{binding.service}: onBind was called and has not returned an object.",
                        places=(section.at(binding.line),),
                        value=binding,
                    )


def follows(sections: Sequence[Section]) -> Iterator[Answer]:
    """What init restarts with a service; devices that adb cannot tell apart."""
    declared = {
        id(service): (section, service)
        for section in sections
        if section.kind == Kind.INIT
        for service in cast(tuple[InitService, ...], section.value)
    }
    services = [service for _, service in declared.values()]
    for name, service in in_effect(services).items():
        restarts = restarts_with(name, services)
        if restarts != Restarts(frozenset()):
            section, _ = declared[id(service)]
            yield Answer(
                Question.FOLLOWS,
                *_restarting(name, restarts),
                places=tuple(map(section.at, (service.line, *service.on_restart_lines))),
                value=restarts,
            )
    for section in sections:
        if isinstance(section.value, Listing):
            yield from _twins(section.value, section)


def _restarting(name: str, restarts: Restarts) -> tuple[str, tuple[str, ...]]:
    """The sentence, and what the files at hand do not decide."""
    whole = [f"every service of class {each}" for each in sorted(restarts.classes)]
    victims = sorted(restarts.services) or whole or ["nothing for certain"]
    further = "further services of it" if restarts.services else "its services"
    details = [
        *(
            f"class {each} is restarted whole: other files may declare {further}"
            for each in sorted(restarts.classes)
        ),
        *(f"{each} only if it runs" for each in sorted(restarts.if_running)),
    ]
    return f"When {name} dies, init restarts {', '.join(victims)} with it.", tuple(details)


def slowest(sections: Sequence[Section]) -> Iterator[Answer]:
    """The transactions of each trace that took longest to reach a thread."""
    for section in sections:
        if isinstance(section.value, Hops):
            taken = [hop for hop in section.value if hop.latency is not None]
            for hop in sorted(taken, key=lambda hop: -(hop.latency or 0))[:_MOST_SLOW]:
                kind = (
                    "reply"
                    if hop.reply
                    else f"{'one-way ' if hop.one_way else ''}{section.value.called(hop)}"
                )
                size = "" if hop.data_size is None else f", {hop.data_size:,} bytes"
                yield Answer(
                    Question.SLOWEST,
                    f"{hop.sender} → {hop.receiver}: {kind}{size}, transaction {hop.number}, received after "
                    f"{(hop.latency or 0) * 1e6:,.0f} µs.",
                    places=tuple(map(section.at, section.transactions.get(hop.number, ())))
                    or (section.place,),
                    value=hop,
                    weight=hop.latency or 0,
                )


def _twins(listing: Listing, section: Section) -> Iterator[Answer]:
    often = Counter(device.serial for device in listing.devices)
    for serial in sorted(serial for serial, number in often.items() if number > 1):
        names = listing.sharing(serial)
        choice = (
            f"choose one as {' or '.join(names)}" if names else "`adb devices -l` shows how to choose one"
        )
        yield Answer(
            Question.FOLLOWS,
            f"{often[serial]} devices have the serial {serial}: {choice}.",
            places=tuple(section.at(device.line) for device in listing.devices if device.serial == serial),
            value=tuple(names),
        )


_OUTCOMES = {
    DeliveryState.PENDING: "not sent yet",
    DeliveryState.SKIPPED: "skipped",
    DeliveryState.TIMEOUT: "it did not finish in time",
    DeliveryState.FAILURE: "its process could not be started, or died",
    DeliveryState.SCHEDULED: "sent, and not finished",
    DeliveryState.DEFERRED: "deferred until its process is thawed or comes to the front",
}
