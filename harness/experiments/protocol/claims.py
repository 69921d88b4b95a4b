"""Claims about how a process and the driver talk: which ioctls there are, and what passes through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.binder.abi.uapi import BINDER_CURRENT_PROTOCOL_VERSION
from harness.device.facts import Need
from harness.experiments.core.claim import Evidence, Finding, Section, claim
from harness.experiments.instruments.attempts import SUCCESS
from harness.experiments.protocol.freed_space import PARTS, measure_freed_space
from harness.experiments.protocol.ioctls import UNKNOWN, measure_ioctls, measure_protocol_version
from harness.experiments.protocol.senders import Identity, measure_senders
from harness.experiments.protocol.write_read import measure_write_or_read

if TYPE_CHECKING:
    from harness.device.device import Device

PROTOCOLS = {8: (SUCCESS, UNKNOWN), 7: (UNKNOWN, SUCCESS)}
"""By version: the outcomes of BINDER_WRITE_READ with the arguments of 64-bit and of 32-bit pointers."""

FIRST_IOCTLS = {
    "BINDER_WRITE_READ",
    "BINDER_SET_MAX_THREADS",
    "BINDER_SET_CONTEXT_MGR",
    "BINDER_THREAD_EXIT",
    "BINDER_VERSION",
}


@claim(
    "proto.version",
    documents="B",
    section=Section.PROTOCOL,
    statement="BINDER_VERSION tells the version of the protocol that the driver speaks.",
    experiment="Ask for it; then write and read nothing with the argument that BINDER_WRITE_READ has in "
    "protocol 8 (48 bytes) and with the one it has in protocol 7 (24 bytes).",
    source="include/uapi/linux/android/binder.h, BINDER_CURRENT_PROTOCOL_VERSION; binder.c, binder_ioctl; "
    "Linux 6.12",
)
def protocol_version(device: Device) -> Finding:
    """The driver must know the arguments of the version it tells, and not those of the other."""
    measured = measure_protocol_version(device)
    outcomes = (measured.wide, measured.narrow)
    return Finding.whether(
        PROTOCOLS.get(measured.version) == outcomes,
        f"it answers {measured.version}; BINDER_WRITE_READ with 64-bit pointers: {measured.wide}, "
        f"with 32-bit ones: {measured.narrow}",
        Evidence("version", "BINDER_VERSION", measured.version, known=BINDER_CURRENT_PROTOCOL_VERSION),
        Evidence("outcome with 48 bytes", "BINDER_WRITE_READ", measured.wide),
        Evidence("outcome with 24 bytes", "BINDER_WRITE_READ", measured.narrow),
    )


@claim(
    "proto.ioctls",
    documents="B",
    section=Section.PROTOCOL,
    statement="The driver knows BINDER_WRITE_READ, SET_MAX_THREADS, SET_CONTEXT_MGR, THREAD_EXIT and "
    "VERSION; a request that it does not know is answered EINVAL.",
    experiment="Ask all numbers from 0 to 255 of type b, each with every direction and size that is in use, "
    "and look for answers other than EINVAL.",
    source="drivers/android/binder.c, binder_ioctl, Linux 6.12",
)
def ioctls(device: Device) -> Finding:
    """All five must be there, and nothing else that the kernel's header does not name."""
    measured = measure_ioctls(device)
    newer = [name for name in measured.known if name not in FIRST_IOCTLS]
    refused = measured.others.get(UNKNOWN, 0) + len(measured.unknown)
    return Finding.whether(
        set(measured.known) >= FIRST_IOCTLS and set(measured.others) == {UNKNOWN},
        f"of {measured.tried:,} requests it knows {len(measured.known)}, these five and {len(newer)} newer "
        f"ones; {refused:,} are answered {UNKNOWN}",
        Evidence("known", "ioctl", measured.known),
        Evidence("newer than the five", "ioctl", newer),
        Evidence("in the kernel's header, but not known", "ioctl", measured.unknown),
        Evidence("answers to all that the header does not name", "ioctl", measured.others),
    )


@claim(
    "proto.write-or-read",
    documents="B",
    section=Section.PROTOCOL,
    statement="write_size and read_size alone decide whether BINDER_WRITE_READ writes, reads, or does both.",
    experiment="With both buffers in place and a call in the write buffer, set each size to zero or not, in "
    "all four combinations; see what was consumed, and which calls arrive.",
    source="drivers/android/binder.c, binder_ioctl_write_read, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def write_or_read(device: Device) -> Finding:
    """Nothing may be consumed of a buffer whose size is zero, and something of every other."""
    measured = measure_write_or_read(device)
    written = tuple(exchange.code for exchange in measured.exchanges if exchange.write_size)
    return Finding.whether(
        measured.delivered == written
        and all(
            exchange.write_consumed == exchange.write_size
            and bool(exchange.read_consumed) == bool(exchange.read_size)
            for exchange in measured.exchanges
        ),
        "; ".join(
            f"sizes {exchange.write_size} and {exchange.read_size}: consumed {exchange.write_consumed} and "
            f"{exchange.read_consumed}"
            for exchange in measured.exchanges
        ),
        *(
            Evidence(
                f"consumed of {exchange.write_size} to write and {exchange.read_size} to read",
                "BINDER_WRITE_READ",
                (exchange.write_consumed, exchange.read_consumed),
            )
            for exchange in measured.exchanges
        ),
        Evidence("codes of the calls that arrived", "BR_TRANSACTION", measured.delivered, known=written),
    )


@claim(
    "proto.free-buffer",
    documents="B",
    section=Section.PROTOCOL,
    statement="BC_FREE_BUFFER gives the space of a received payload back.",
    experiment="Fill a mapping with payloads that the receiver keeps; give one back and fill again; give all "
    "back and fill again.",
    source="drivers/android/binder.c, binder_free_buf; binder_alloc.c, binder_free_buf_locked; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def free_buffer(device: Device) -> Finding:
    """As many payloads as were given back must find room again, and not one more."""
    measured = measure_freed_space(device)
    return Finding.whether(
        (measured.after_one, measured.after_all) == (1, measured.at_first),
        f"a mapping of {measured.mapping_size:,} bytes takes {measured.at_first} payloads of "
        f"{measured.payload_size:,}; {measured.after_one} more when one is given back, and "
        f"{measured.after_all} when all are",
        Evidence("payloads at first", "BC_TRANSACTION", measured.at_first, known=PARTS),
        Evidence("more, when one was given back", "BC_TRANSACTION", measured.after_one),
        Evidence("when all were given back", "BC_TRANSACTION", measured.after_all),
        Evidence(
            "buffers when full, less one, full, empty, full",
            "proc/PID, of the driver's debug files",
            measured.shown,
            known=measured.shown and (PARTS, PARTS - 1, PARTS, 0, PARTS),
        ),
    )


@claim(
    "proto.sender-identity",
    documents="",
    section=Section.PROTOCOL,
    statement="The receiver is told the sender's process and effective user by the kernel, not by the "
    "sender; of a one-way call the user alone.",
    experiment="Have two processes of different users call and call one-way, each writing the other's "
    "identity into its transactions.",
    source="drivers/android/binder.c, binder_transaction: t->sender_euid; binder_thread_read: sender_pid; "
    "Linux 6.12",
    needs=(Need.FREE_BINDER, Need.ROOT),
)
def sender_identity(device: Device) -> Finding:
    """What /proc says of each sender must be what the receiver was told."""
    measured = measure_senders(device)
    senders = (measured.first, measured.second)
    return Finding.whether(
        all(
            sender.call == sender.actual and sender.one_way == Identity(0, sender.actual.euid)
            for sender in senders
        ),
        "; ".join(
            f"{sender.actual}, pretending to be {sender.pretended}, is told as {sender.call}, and one-way as "
            f"{sender.one_way}"
            for sender in senders
        ),
        *(
            evidence
            for sender in senders
            for evidence in (
                Evidence("a sender", "/proc/PID/status", sender.actual),
                Evidence("what it pretended", "BC_TRANSACTION", sender.pretended),
                Evidence("what its receiver was told", "BR_TRANSACTION", sender.call),
                Evidence("the same of a one-way call", "BR_TRANSACTION", sender.one_way),
            )
        ),
    )
