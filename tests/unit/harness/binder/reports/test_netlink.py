"""Netlink messages are written and read; what is malformed is refused."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.binder.reports.netlink import (
    NLMSG_ERROR,
    MalformedMessageError,
    Message,
    parse_attributes,
    parse_messages,
    request,
)

payloads = st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40), max_size=5)


@given(st.integers(16, 0xFFFF), st.integers(0, 255), payloads)
def test_a_message_is_read_as_it_was_written(kind: int, command: int, attributes: dict[int, bytes]) -> None:
    data = request(kind, command, attributes)
    assert len(data) % 4 == 0
    assert parse_messages(data) == [Message(kind, command, attributes)]


@given(payloads, payloads)
def test_several_messages_are_read_one_after_the_other(
    first: dict[int, bytes], second: dict[int, bytes]
) -> None:
    assert [
        message.attributes for message in parse_messages(request(20, 1, first) + request(20, 1, second))
    ] == [
        first,
        second,
    ]


@given(payloads.filter(bool), st.data())
def test_a_message_that_is_cut_off_is_refused(attributes: dict[int, bytes], data: st.DataObject) -> None:
    whole = request(20, 1, attributes)
    size = data.draw(st.integers(1, len(whole) - 4))
    with pytest.raises(MalformedMessageError):
        parse_messages(whole[:size])


def test_a_record_shorter_than_its_header_is_refused() -> None:
    with pytest.raises(MalformedMessageError, match="a netlink record of 3 bytes begins at byte 0 of 4"):
        parse_attributes(struct.pack("<HH", 3, 1))


def test_a_refusal_has_its_errno() -> None:
    refusal = struct.pack("<IHHIIi", 36, NLMSG_ERROR, 0, 1, 0, -2) + bytes(16)
    assert parse_messages(refusal) == [Message(NLMSG_ERROR, error=2)]
