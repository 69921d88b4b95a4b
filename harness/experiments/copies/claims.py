"""Claims about how often a payload is copied on its way from one process to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from harness.binder.abi import returns
from harness.device.facts import Facts, Need
from harness.experiments.copies.copies import (
    BinderCopies,
    OtherCopies,
    measure_binder_copies,
    measure_other_copies,
)
from harness.experiments.copies.copy_functions import BINDER_BACK, BINDER_IN, BINDER_WITHIN, USER_COPY_CHECK
from harness.experiments.copies.scatter_gather import BUFFER, DATA, ScatterGather, measure_scatter_gather
from harness.experiments.copies.transfers import Touched, Transfer
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure, shown
from harness.experiments.core.finding import Finding

ONCE, NEVER = (1, 1, 1), (0, 0, 0)
"""How often the first, middle and last byte of a payload are touched."""
ANNOUNCEMENT = len(returns.Noop().encode() + returns.Transaction().encode())
"""Bytes of the commands that announce a payload to its receiver."""
DURING_SEND = "watchpoints (perf_event_open) during the sender's system call"
DURING_RECEIVE = "watchpoints (perf_event_open) during the receiver's system call"
COPIES = "copying functions (kprobes); without probes, the byte touched most (watchpoints)"


@claim(
    "copy.binder-one",
    measure=measure_binder_copies,
    documents="ABC",
    statement="A payload is copied exactly once, from the sender's memory into the receiver's buffer.",
    experiment="Send payloads of several sizes. Count, during the ioctl at either end, how often the kernel "
    "touches bytes of them, and how many bytes its copying functions move. Look for the payload at the "
    "receiver before the receiver does anything, and after, when the sender has overwritten its own memory.",
    source="drivers/android/binder.c, binder_transaction; drivers/android/binder_alloc.c, "
    "binder_alloc_copy_user_to_buffer; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def binder_copies_once(m: BinderCopies, facts: Facts) -> Finding:
    """Everything that the device can show has to agree."""
    transfers, arrivals = m.transfers, m.arrivals
    ends = [arrival.address + transfer.size for arrival, transfer in zip(arrivals, transfers, strict=True)]
    in_mapping = (
        m.mapping <= min(arrival.address for arrival in arrivals) and max(ends) <= m.mapping + m.mapped
    )
    read = sorted({arrival.bytes_read for arrival in arrivals})
    while_sending, while_receiving = _copies(transfers)
    return Finding.whether(
        in_mapping
        and len(read) == 1
        and all(
            transfer.at_receiver_once_sent and transfer.at_receiver_once_received for transfer in transfers
        )
        and all(_touched(transfer.touched, at_receiver=NEVER, frame=1) for transfer in transfers)
        and all(_moved(transfer, sent=transfer.size, received=0) for transfer in transfers),
        "Binder made {copies_of_each_byte.while_sending} of each byte while it was sent and "
        "{copies_of_each_byte.while_receiving} while it was received, with payloads of {payload_sizes}; each "
        "of the receiver's ioctls read {bytes_read}",
        **{
            "copies_of_each_byte.while_sending": while_sending,
            "copies_of_each_byte.while_receiving": while_receiving,
        },
        **_figures(transfers),
        bytes_read=Figure(read, "read_consumed", expected=[ANNOUNCEMENT], unit="bytes"),
        in_receivers_mapping=Figure(in_mapping, "BR_TRANSACTION"),
    )


@claim(
    "copy.others-two",
    measure=measure_other_copies,
    documents="C",
    statement="A pipe, a socket and a message queue copy each payload twice: into the kernel and out of it.",
    experiment="Send payloads through a pipe, a local socket, a System V and a POSIX message queue. Count "
    "copies, and look for the payload, as for Binder.",
    source="fs/pipe.c; net/unix/af_unix.c, net/core/datagram.c; ipc/msgutil.c; Linux 6.12",
)
def others_copy_twice(m: OtherCopies, facts: Facts) -> Finding:
    """Between the two calls the payload must be where neither process has it: in the kernel."""
    transfers = m.transfers
    if not transfers:
        return Finding.not_testable(
            f"needs a pipe, a socket or a message queue: {shown(m.missing)}. It can be "
            "tested on the target `embedded`."
        )
    phrases: list[str] = []
    copies: dict[str, Figure] = {}
    for channel in dict.fromkeys(transfer.channel for transfer in transfers):
        name = channel.lower().replace(" ", "_")
        into, out_of = f"copies_of_each_byte.into_{name}", f"copies_of_each_byte.out_of_{name}"
        copies[into], copies[out_of] = _copies(
            [transfer for transfer in transfers if transfer.channel == channel]
        )
        phrases.append(f"the {channel}{'' if phrases else ' made'} {{{into}}} in and {{{out_of}}} out")
    return Finding.whether(
        all(
            transfer.at_receiver_once_received and not transfer.at_receiver_once_sent
            for transfer in transfers
        )
        and all(_touched(transfer.touched, at_receiver=ONCE, frame=0) for transfer in transfers)
        and all(_moved(transfer, sent=transfer.size, received=transfer.size) for transfer in transfers),
        f"of each byte, {'; '.join(phrases)}",
        **copies,
        **_figures(transfers),
        missing_channels=Figure(m.missing, "errors on opening it"),
    )


@claim(
    "copy.scatter-gather",
    measure=measure_scatter_gather,
    documents="",
    statement="A call that names further buffers of its sender (BC_TRANSACTION_SG) has each byte of them "
    "copied once, too.",
    experiment="Call with two buffers between plain data. See from which parts of the sender's memory the "
    "driver copies how many bytes, and how often it touches a byte of each.",
    source="drivers/android/binder.c, binder_transaction, binder_do_deferred_txn_copies; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def scatter_gather_copies_once(m: ScatterGather, facts: Facts) -> Finding:
    """Data and buffers count; the driver may rewrite the objects between them."""
    payload = [part for part in m.parts if part.what in (DATA, BUFFER)]
    copies = {_number(part.copied / part.size) for part in payload if part.copied is not None}
    touches = {part.touched for part in payload if part.touched is not None}
    written = "; it wrote {bytes_written} for the objects that name the buffers" if m.from_kernel else ""
    return Finding.whether(
        m.arrived and copies <= {1} and touches <= {1},
        "the driver made {copies_of_each_byte} of each byte of data and buffers, which have {payload_sizes}"
        + written,
        payload_sizes=Figure([part.size for part in payload], "the parcel that was sent", unit="bytes"),
        copies_of_each_byte=Figure(sorted(copies or touches), COPIES, unit="copies"),
        arrived_as_sent=Figure(m.arrived, "the receiver's mapping"),
        size_and_bytes_copied_of_each_part=Figure(
            [(part.what, part.size, part.copied) for part in m.parts], f"kprobe on {BINDER_IN.name}"
        ),
        middle_byte_touched=Figure(
            {part.what: part.touched for part in m.parts if part.touched is not None},
            DURING_SEND,
            unit="times",
        ),
        bytes_written=Figure(m.from_kernel, f"kprobe on {BINDER_WITHIN.name}", unit="bytes"),
        bytes_read_back=Figure(m.to_kernel, f"kprobe on {BINDER_BACK.name}", unit="bytes"),
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


def _copies(transfers: Iterable[Transfer]) -> list[Figure]:
    """How often each byte was copied in the sender's call and in the receiver's: each number once."""
    sides = zip(*(transfer.per_byte for transfer in transfers), strict=True)
    return [Figure(sorted(set(map(_number, side))), COPIES, unit="copies") for side in sides]


def _number(times: float) -> int | float:
    """A number as people write it: whole where it is."""
    return int(times) if times == int(times) else round(times, 3)


def _figures(transfers: Sequence[Transfer]) -> dict[str, Figure]:
    """What was seen of transfers, by channel and size."""

    def of_each(values: Callable[[Transfer], object]) -> dict[str, dict[int, object]]:
        table: dict[str, dict[int, object]] = {}
        for transfer in transfers:
            table.setdefault(transfer.channel, {})[transfer.size] = values(transfer)
        return table

    def touched(values: Callable[[Touched], object]) -> dict[str, dict[int, object]]:
        return of_each(lambda transfer: values(transfer.touched) if transfer.touched else None)

    copied = [copied for transfer in transfers for copied in (transfer.sent, transfer.received) if copied]
    functions = dict.fromkeys(move.function for end in copied for move in end.moves)
    return {
        "payload_sizes": Figure(
            list(dict.fromkeys(transfer.size for transfer in transfers)), "the sender", unit="bytes"
        ),
        "at_receiver_once_sent_and_once_received": Figure(
            of_each(lambda transfer: (transfer.at_receiver_once_sent, transfer.at_receiver_once_received)),
            "its memory, before its system call and after; the sender overwrote its own between the two",
        ),
        "first_middle_last_byte_touched.at_sender": Figure(
            touched(lambda counts: counts.source), DURING_SEND, unit="times"
        ),
        "receivers_page_touched": Figure(
            touched(lambda counts: counts.frame),
            f"{DURING_SEND}, at the kernel's own address of that page (pagemap, kcore)",
            unit="times",
        ),
        "first_middle_last_byte_touched.at_receiver": Figure(
            touched(lambda counts: counts.destination), DURING_RECEIVE, unit="times"
        ),
        "bytes_copied_sending_and_receiving": Figure(
            of_each(
                lambda transfer: (
                    transfer.sent and transfer.received and (transfer.sent.moved, transfer.received.moved)
                )
            ),
            f"kprobes on {', '.join(functions) or 'the copying functions'}",
            unit="bytes",
        ),
        "bytes_checked_sending_and_receiving": Figure(
            of_each(
                lambda transfer: (
                    transfer.sent
                    and transfer.received
                    and (transfer.sent.checked_in, transfer.received.checked_out)
                )
            ),
            f"kprobe on {USER_COPY_CHECK.function}, which whole pages pass by",
            unit="bytes",
        ),
    }
