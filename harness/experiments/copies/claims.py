"""Claims about how often a payload is copied on its way from one process to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from harness.binder.abi import returns
from harness.device.facts import FacilityMissingError, Need
from harness.experiments.copies.copies import measure_binder_copies, measure_other_copies
from harness.experiments.copies.copy_functions import BINDER_BACK, BINDER_IN, BINDER_WITHIN, USER_COPY_CHECK
from harness.experiments.copies.scatter_gather import BUFFER, DATA, measure_scatter_gather
from harness.experiments.copies.transfers import Touched, Transfer
from harness.experiments.core.claim import Evidence, Finding, Section, claim

if TYPE_CHECKING:
    from harness.device.device import Device

ONCE, NEVER = (1, 1, 1), (0, 0, 0)
"""How often the first, middle and last byte of a payload are touched."""
ANSWER = len(returns.Noop().encode() + returns.Transaction().encode())
"""Bytes that tell a receiver of a payload."""
DURING_SEND = "watchpoints (perf_event_open) during the sender's system call"
DURING_RECEIVE = "watchpoints (perf_event_open) during the receiver's system call"


@claim(
    "copy.binder-one",
    documents="ABC",
    section=Section.ONE_COPY,
    statement="A payload is copied exactly once, from the sender's memory into the receiver's buffer.",
    experiment="Send payloads of several sizes. Count, during either side's ioctl, how often the processor "
    "touches bytes of them, and how many bytes the kernel's copying functions move. Look for the payload at "
    "the receiver before that does anything, and after, when the sender has overwritten its own memory.",
    source="drivers/android/binder.c, binder_transaction; drivers/android/binder_alloc.c, "
    "binder_alloc_copy_user_to_buffer; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def binder_copies_once(device: Device) -> Finding:
    """Every piece of evidence that the device can give has a say."""
    measured = measure_binder_copies(device)
    transfers, answers = measured.transfers, measured.answers
    ends = [answer.address + transfer.size for answer, transfer in zip(answers, transfers, strict=True)]
    in_mapping = (
        measured.mapping <= min(answer.address for answer in answers)
        and max(ends) <= measured.mapping + measured.mapped
    )
    answer_sizes = sorted({answer.size for answer in answers})
    return Finding.whether(
        in_mapping
        and len(answer_sizes) == 1
        and all(transfer.there_once_sent and transfer.there_once_received for transfer in transfers)
        and all(_touched(transfer.touched, at_receiver=NEVER, frame=1) for transfer in transfers)
        and all(_moved(transfer, sent=transfer.size, received=0) for transfer in transfers),
        f"copies of each byte in the sender's ioctl and the receiver's: {_times(transfers)}, with payloads "
        f"of {_listed(f'{transfer.size:,}' for transfer in transfers)} bytes; the receiver's read "
        f"{_listed(map(str, answer_sizes))} bytes each time",
        *_evidence(transfers),
        Evidence(
            "bytes read by each of the receiver's ioctls", "read_consumed", answer_sizes, known=[ANSWER]
        ),
        Evidence("the payloads lay in the receiver's mapping", "BR_TRANSACTION", in_mapping),
    )


@claim(
    "copy.others-two",
    documents="C",
    section=Section.ONE_COPY,
    statement="A pipe, a socket and a message queue copy each payload twice: into the kernel and out of it.",
    experiment="Send payloads through a pipe, a local socket, a System V and a POSIX message queue, with "
    "the same counters and looks as for Binder.",
    source="fs/pipe.c; net/unix/af_unix.c, net/core/datagram.c; ipc/msgutil.c; Linux 6.12",
)
def others_copy_twice(device: Device) -> Finding:
    """Between the two calls the payload must be where neither process has it: in the kernel."""
    measured = measure_other_copies(device)
    transfers = measured.transfers
    if not transfers:
        raise FacilityMissingError(f"needs a pipe, a socket or a message queue: {measured.missing}.")
    of_channel: dict[str, list[Transfer]] = {}
    for transfer in transfers:
        of_channel.setdefault(transfer.channel, []).append(transfer)
    return Finding.whether(
        all(transfer.there_once_received and not transfer.there_once_sent for transfer in transfers)
        and all(_touched(transfer.touched, at_receiver=ONCE, frame=0) for transfer in transfers)
        and all(_moved(transfer, sent=transfer.size, received=transfer.size) for transfer in transfers),
        "copies of each byte in the sender's system call and the receiver's: "
        + _listed(f"{channel} {_times(through)}" for channel, through in of_channel.items()),
        *_evidence(transfers),
        Evidence("what this device does not have", "errors on opening it", measured.missing),
    )


@claim(
    "copy.scatter-gather",
    documents="",
    section=Section.ONE_COPY,
    statement="A call that names further buffers of its sender (BC_TRANSACTION_SG) has each byte of them "
    "copied once, too.",
    experiment="Call with two buffers between plain data. See from which parts of the sender's memory the "
    "driver copies how many bytes, and how often it touches a byte of each.",
    source="drivers/android/binder.c, binder_transaction, binder_do_deferred_txn_copies; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def scatter_gather_copies_once(device: Device) -> Finding:
    """Data and buffers count; the objects between them are the driver's to rewrite."""
    measured = measure_scatter_gather(device)
    payload = [part for part in measured.parts if part.what in (DATA, BUFFER)]
    copies = sorted({part.copied / part.size for part in payload if part.copied is not None})
    touches = sorted({part.touched for part in payload if part.touched is not None})
    written = measured.from_kernel
    objects = f"; the driver wrote the objects that name the buffers, {written:,} bytes" if written else ""
    return Finding.whether(
        measured.arrived and set(copies) <= {1} and set(touches) <= {1},
        f"copies of each byte of data and buffers, of {_listed(f'{part.size:,}' for part in payload)} bytes: "
        f"{_listed(f'{times:g}' for times in copies or touches)}{objects}",
        Evidence("data and buffers arrived as they were sent", "the receiver's mapping", measured.arrived),
        Evidence(
            "parts of the sender's memory: bytes, and of these copied to the receiver",
            f"kprobe on {BINDER_IN.name}",
            [(part.what, part.size, part.copied) for part in measured.parts],
        ),
        Evidence(
            "times the kernel touched the middle byte of a part",
            DURING_SEND,
            {part.what: part.touched for part in measured.parts if part.touched is not None},
        ),
        Evidence("bytes that the driver wrote", f"kprobe on {BINDER_WITHIN.name}", measured.from_kernel),
        Evidence("bytes that it read back", f"kprobe on {BINDER_BACK.name}", measured.to_kernel),
    )


def _touched(touched: Touched | None, *, at_receiver: tuple[int, ...], frame: int) -> bool:
    """Whether watchpoints, where there are any, saw each byte read once, and arriving in this way."""
    return touched is None or (
        touched.source == ONCE and touched.destination == at_receiver and touched.frame in (frame, None)
    )


def _moved(transfer: Transfer, *, sent: int, received: int) -> bool:
    """Whether probes, where there are any, saw so many bytes copied during either call."""
    if transfer.sent is None or transfer.received is None:
        return True
    return (transfer.sent.moved, transfer.received.moved) == (sent, received)


def _evidence(transfers: Sequence[Transfer]) -> Iterator[Evidence]:
    """What was seen of transfers, by channel and size."""

    def of_each(figures: Callable[[Transfer], object]) -> dict[str, dict[int, object]]:
        table: dict[str, dict[int, object]] = {}
        for transfer in transfers:
            table.setdefault(transfer.channel, {})[transfer.size] = figures(transfer)
        return table

    def touched(figures: Callable[[Touched], object]) -> dict[str, dict[int, object]]:
        return of_each(lambda transfer: figures(transfer.touched) if transfer.touched else None)

    yield Evidence(
        "whether the payload was at the receiver once sent, and once received",
        "its memory, before its system call and after; the sender overwrote its own between the two",
        of_each(lambda transfer: (transfer.there_once_sent, transfer.there_once_received)),
    )
    yield Evidence(
        "times the kernel touched the first, middle and last byte at the sender's addresses",
        DURING_SEND,
        touched(lambda counts: counts.source),
    )
    yield Evidence(
        "times it touched a byte of the receiver's page",
        f"{DURING_SEND}, at the kernel's own address of that page (pagemap, kcore)",
        touched(lambda counts: counts.frame),
    )
    yield Evidence(
        "times it touched the first, middle and last byte at the receiver's addresses",
        DURING_RECEIVE,
        touched(lambda counts: counts.destination),
    )
    copied = [copied for transfer in transfers for copied in (transfer.sent, transfer.received) if copied]
    functions = dict.fromkeys(move.function for end in copied for move in end.moves)
    yield Evidence(
        "bytes copied during the sender's system call and the receiver's",
        f"kprobes on {', '.join(functions) or 'the copying functions'}",
        of_each(
            lambda transfer: (
                transfer.sent and transfer.received and (transfer.sent.moved, transfer.received.moved)
            )
        ),
    )
    yield Evidence(
        "bytes checked on their way into the kernel in the one, out of it in the other",
        f"kprobe on {USER_COPY_CHECK.function}, which whole pages pass by",
        of_each(
            lambda transfer: (
                transfer.sent
                and transfer.received
                and (transfer.sent.checked_in, transfer.received.checked_out)
            )
        ),
    )


def _times(transfers: Iterable[Transfer]) -> str:
    """How often each byte was copied: the sender's call plus the receiver's."""
    return _listed(dict.fromkeys("{:g} + {:g}".format(*transfer.per_byte) for transfer in transfers))


def _listed(words: Iterable[str]) -> str:
    """Words as a sentence lists them."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
