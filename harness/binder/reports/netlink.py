"""Netlink messages as bytes: headers and attributes, of the generic family too.

Sources: include/uapi/linux/netlink.h and genetlink.h (Linux 6.18). Numbers have the processor's byte order,
which is little-endian on all architectures here; messages and attributes begin at multiples of 4 bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from emulator.base.errors import HarnessError
from harness.binder.abi.layout import Structure, structure, u32

u8 = Annotated[int, "B"]
u16 = Annotated[int, "H"]
ALIGNMENT = 4
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
NLA_TYPE_MASK = 0x3FFF
"""Without NLA_F_NESTED and NLA_F_NET_BYTEORDER."""
VERSION = 1
"""Of generic netlink's own family, and of each that never had another."""


class MalformedMessageError(HarnessError):
    """What a netlink socket returned is no message, or ends inside an attribute."""


@structure
class NetlinkHeader(Structure):
    """struct nlmsghdr: starts each message."""

    length: u32
    """Bytes, with this header and without the padding behind the message."""
    kind: u16
    flags: u16 = 0
    sequence: u32 = 0
    port: u32 = 0


@structure
class GenericHeader(Structure):
    """struct genlmsghdr: follows the header in messages of generic families."""

    command: u8
    version: u8 = VERSION
    reserved: u16 = 0


@structure
class AttributeHeader(Structure):
    """struct nlattr: starts each attribute."""

    length: u16
    """Bytes, with this header and without the padding behind the attribute."""
    kind: u16


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `error` is the positive errno of one that refuses a request, and 0 of all others."""

    kind: int
    """NLMSG_*, or the number of a family."""
    command: int = 0
    """Of a family."""
    attributes: Mapping[int, bytes] = field(default_factory=dict)
    """The payload of each attribute by its number: the last one, where there are several."""
    error: int = 0


def request(kind: int, command: int, attributes: Mapping[int, bytes]) -> bytes:
    """A request to a generic family."""
    body = GenericHeader(command).pack() + b"".join(itertools.starmap(_attribute, attributes.items()))
    return NetlinkHeader(NetlinkHeader.sizeof() + len(body), kind, NLM_F_REQUEST).pack() + body


def _attribute(kind: int, payload: bytes) -> bytes:
    header = AttributeHeader(AttributeHeader.sizeof() + len(payload), kind)
    return header.pack() + payload + bytes(-len(payload) % ALIGNMENT)


def parse_messages(data: bytes) -> list[Message]:
    """The messages in what one read returned; raises MalformedMessageError."""
    return list(_messages(data))


def _messages(data: bytes) -> Iterator[Message]:
    for kind, payload in _records(data, NetlinkHeader):
        if kind == NLMSG_ERROR:
            yield Message(kind, error=-int.from_bytes(payload[:4], "little", signed=True))
        elif len(payload) >= GenericHeader.sizeof():
            header = GenericHeader.unpack(payload)
            yield Message(kind, header.command, parse_attributes(payload[GenericHeader.sizeof() :]))
        else:
            yield Message(kind)


def parse_attributes(data: bytes) -> dict[int, bytes]:
    """The payloads of attributes by number; raises MalformedMessageError."""
    return {kind & NLA_TYPE_MASK: payload for kind, payload in _records(data, AttributeHeader)}


def _records(data: bytes, header: type[NetlinkHeader] | type[AttributeHeader]) -> Iterator[tuple[int, bytes]]:
    """The kind and the payload of each record: both headers begin with the record's length."""
    position = 0
    while position < len(data):
        if len(data) - position < header.sizeof():
            raise MalformedMessageError(f"a netlink header is cut off: {data[position:].hex(' ')}")
        record = header.unpack(data, position)
        end = position + record.length
        if record.length < header.sizeof() or end > len(data):
            raise MalformedMessageError(
                f"a netlink record of {record.length} bytes begins at byte {position} of {len(data)}"
            )
        yield record.kind, data[position + header.sizeof() : end]
        position = end + -end % ALIGNMENT
