"""Claims about how a process and the driver talk: which ioctls there are, and what passes through them."""

from __future__ import annotations

from harness.binder.abi.uapi import BINDER_CURRENT_PROTOCOL_VERSION
from harness.device.facts import Facts, Need
from harness.experiments.core.claim import claim
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Finding
from harness.experiments.instruments.attempts import DENIALS, SUCCESS
from harness.experiments.protocol.freed_space import PARTS, FreedSpace, measure_freed_space
from harness.experiments.protocol.ioctls import (
    REFUSAL,
    IoctlSurvey,
    ProtocolVersion,
    measure_ioctls,
    measure_protocol_version,
)
from harness.experiments.protocol.senders import Identity, Sender, Senders, measure_senders
from harness.experiments.protocol.write_read import WriteOrRead, measure_write_or_read

PROTOCOLS = {8: (SUCCESS, REFUSAL), 7: (REFUSAL, SUCCESS)}
"""By version: the outcomes of BINDER_WRITE_READ with the arguments of 64-bit and of 32-bit pointers."""

FIRST_IOCTLS = {
    "BINDER_WRITE_READ",
    "BINDER_SET_MAX_THREADS",
    "BINDER_SET_CONTEXT_MGR",
    "BINDER_THREAD_EXIT",
    "BINDER_VERSION",
}

WHICH_SIZES = {
    (True, False): "write_only",
    (False, False): "neither",
    (False, True): "read_only",
    (True, True): "both",
}
"""Which of write_size and read_size are not zero, in words."""


@claim(
    "proto.version",
    measure=measure_protocol_version,
    documents="B",
    statement="BINDER_VERSION reports the version of the protocol that the driver speaks.",
    experiment="Call it; then write and read nothing with the argument that BINDER_WRITE_READ has in "
    "protocol 8 (48 bytes) and with the one it has in protocol 7 (24 bytes).",
    source="include/uapi/linux/android/binder.h, BINDER_CURRENT_PROTOCOL_VERSION; binder.c, binder_ioctl; "
    "Linux 6.12",
)
def proto_version(m: ProtocolVersion, facts: Facts) -> Finding:
    """The driver must accept the arguments of the version it reports, and refuse those of the other."""
    return Finding.whether(
        PROTOCOLS.get(m.version) == (m.wide, m.narrow),
        "BINDER_VERSION returns {version}; BINDER_WRITE_READ with 64-bit pointers: "
        "{outcome.of_64_bit_pointers}, with 32-bit pointers: {outcome.of_32_bit_pointers}",
        version=Figure(m.version, "BINDER_VERSION", expected=BINDER_CURRENT_PROTOCOL_VERSION),
        **{
            "outcome.of_64_bit_pointers": Figure(m.wide, "BINDER_WRITE_READ"),
            "outcome.of_32_bit_pointers": Figure(m.narrow, "BINDER_WRITE_READ"),
        },
    )


@claim(
    "proto.ioctls",
    measure=measure_ioctls,
    documents="B",
    statement="The driver supports BINDER_WRITE_READ, SET_MAX_THREADS, SET_CONTEXT_MGR, THREAD_EXIT and "
    "VERSION; a request that it does not support fails with EINVAL.",
    experiment="Try all numbers from 0 to 255 of type b, each with every direction and size that is in use, "
    "and look for outcomes other than EINVAL.",
    source="drivers/android/binder.c, binder_ioctl, Linux 6.12",
)
def proto_ioctls(m: IoctlSurvey, facts: Facts) -> Finding:
    """All five must be there, and nothing else that the kernel's header does not name."""
    if {*m.supported, *m.refused} >= FIRST_IOCTLS and DENIALS & m.others.keys():
        return Finding.not_testable(
            "A security policy refuses most requests before they reach the driver, as SELinux does to adb's "
            f"shell; {Need.ROOT.missing(facts) or 'it can be tested on the target `embedded`.'}"
        )
    if not set(m.supported) >= FIRST_IOCTLS and {*m.supported, *m.refused} >= FIRST_IOCTLS:
        needed = Need.FREE_BINDER.missing(facts) or "It can be tested on the target `embedded`."
        return Finding.not_testable(
            f"Some of the five may not be tried here ({', '.join(m.refused)}); {needed}"
        )
    newer = [name for name in m.supported if name not in FIRST_IOCTLS]
    return Finding.whether(
        set(m.supported) >= FIRST_IOCTLS and set(m.others) == {REFUSAL},
        "of {requests.tried}, the driver supports {requests.supported} (newer than these five: "
        "{requests.newer}); {requests.refused} fail with EINVAL",
        supported_ioctls=Figure(m.supported, "ioctl"),
        newer_ioctls=Figure(newer, "ioctl"),
        unsupported_ioctls=Figure(m.unsupported, "ioctl"),
        refused_ioctls=Figure(m.refused, "ioctl"),
        outcomes_of_unnamed_requests=Figure(m.others, "ioctl"),
        **{
            "requests.tried": Figure(m.tried, "ioctl", unit="requests"),
            "requests.supported": Figure(len(m.supported), "ioctl"),
            "requests.newer": Figure(len(newer), "ioctl"),
            "requests.refused": Figure(
                m.others.get(REFUSAL, 0) + len(m.unsupported), "ioctl", unit="requests"
            ),
        },
    )


@claim(
    "proto.write-or-read",
    measure=measure_write_or_read,
    documents="B",
    statement="write_size and read_size alone decide whether BINDER_WRITE_READ writes, reads, or does both.",
    experiment="With both buffers in place and a call in the write buffer, set each size to zero or not, in "
    "all four combinations; see what was consumed, and which calls arrive.",
    source="drivers/android/binder.c, binder_ioctl_write_read, Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def proto_write_or_read(m: WriteOrRead, facts: Facts) -> Finding:
    """Nothing may be consumed of a buffer whose size is zero, and something of every other."""
    written = tuple(exchange.code for exchange in m.exchanges if exchange.write_size)
    figures: dict[str, Figure] = {}
    parts: list[str] = []
    for exchange in m.exchanges:
        which = WHICH_SIZES[bool(exchange.write_size), bool(exchange.read_size)]
        sizes = (exchange.write_size, exchange.read_size)
        consumed = (exchange.write_consumed, exchange.read_consumed)
        figures[f"sizes.{which}"] = Figure(sizes, "BINDER_WRITE_READ", unit="bytes")
        figures[f"consumed.{which}"] = Figure(consumed, "BINDER_WRITE_READ", unit="bytes")
        parts.append(f"{{consumed.{which}}} of {{sizes.{which}}}")
    return Finding.whether(
        m.delivered == written
        and all(
            exchange.write_consumed == exchange.write_size
            and bool(exchange.read_consumed) == bool(exchange.read_size)
            for exchange in m.exchanges
        ),
        f"consumed of the write buffer and of the read buffer: {'; '.join(parts)}",
        codes_of_delivered_calls=Figure(m.delivered, "BR_TRANSACTION", expected=written),
        **figures,
    )


@claim(
    "proto.free-buffer",
    measure=measure_freed_space,
    documents="B",
    statement="BC_FREE_BUFFER gives the space of a received payload back.",
    experiment="Fill a mapping with payloads that the receiver keeps; give one back and fill again; give all "
    "back and fill again.",
    source="drivers/android/binder.c, binder_free_buf; binder_alloc.c, binder_free_buf_locked; Linux 6.12",
    needs=(Need.FREE_BINDER,),
)
def proto_free_buffer(m: FreedSpace, facts: Facts) -> Finding:
    """As many payloads as were given back must find room again, and not one more."""
    return Finding.whether(
        (m.after_one, m.after_all) == (1, m.at_first),
        "a mapping of {mapping_size} takes {payloads.at_first} of {payload_size}; when one is freed it takes "
        "{payloads.after_freeing_one} more, and when all are freed, {payloads.after_freeing_all}",
        mapping_size=Figure(m.mapping_size, "mmap", unit="bytes"),
        payload_size=Figure(m.payload_size, "BC_TRANSACTION", unit="bytes"),
        **{
            "payloads.at_first": Figure(m.at_first, "BC_TRANSACTION", expected=PARTS, unit="payloads"),
            "payloads.after_freeing_one": Figure(m.after_one, "BC_TRANSACTION", unit="payloads"),
            "payloads.after_freeing_all": Figure(m.after_all, "BC_TRANSACTION", unit="payloads"),
        },
        buffers_after_each_step=Figure(
            m.buffers_shown,
            "proc/PID, of the driver's debug files",
            expected=m.buffers_shown and (PARTS, PARTS - 1, PARTS, 0, PARTS),
            unit="buffers",
        ),
    )


@claim(
    "proto.sender-identity",
    measure=measure_senders,
    documents="",
    statement="The receiver gets the sender's process and effective user from the kernel, not from the "
    "sender; of a one-way call the user alone.",
    experiment="Have two processes of different users call and call one-way, each writing the other's "
    "identity into its transactions.",
    source="drivers/android/binder.c, binder_transaction: t->sender_euid; binder_thread_read: sender_pid; "
    "Linux 6.12",
    needs=(Need.FREE_BINDER, Need.ROOT),
)
def proto_sender_identity(m: Senders, facts: Facts) -> Finding:
    """What /proc shows of each sender must be what its receiver gets."""
    senders = {"first": m.first, "second": m.second}
    of_calls = [sender.call == sender.actual for sender in senders.values()]
    of_one_way_calls = [sender.one_way == Identity(0, sender.actual.euid) for sender in senders.values()]
    return Finding.whether(
        all((*of_calls, *of_one_way_calls)),
        "two senders pretend to be each other: the receiver gets the sender's actual process and user in "
        "{calls.with_actual_sender} of {calls.made}, and its user alone in "
        "{one_way_calls.with_user_alone} of {one_way_calls.made}",
        **{
            "calls.made": Figure(len(of_calls), "BC_TRANSACTION", unit="calls"),
            "calls.with_actual_sender": Figure(sum(of_calls), "BR_TRANSACTION"),
            "one_way_calls.made": Figure(len(of_one_way_calls), "BC_TRANSACTION", unit="one-way calls"),
            "one_way_calls.with_user_alone": Figure(sum(of_one_way_calls), "BR_TRANSACTION"),
        },
        **{name: figure for which, sender in senders.items() for name, figure in _identities(which, sender)},
    )


def _identities(which: str, sender: Sender) -> tuple[tuple[str, Figure], ...]:
    return (
        (f"sender.{which}", Figure(sender.actual, "/proc/PID/status", varies=True)),
        (f"pretended_sender.{which}", Figure(sender.pretended, "BC_TRANSACTION", varies=True)),
        (f"reported_sender.{which}", Figure(sender.call, "BR_TRANSACTION", varies=True)),
        (f"reported_one_way_sender.{which}", Figure(sender.one_way, "BR_TRANSACTION")),
    )
