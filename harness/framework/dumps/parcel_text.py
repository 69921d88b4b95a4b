"""A reply as `service call` prints it: `Result: Parcel(…)`, turned back into bytes.

Form: Parcel::print and HexDump in frameworks/native/libs/binder (Parcel.cpp, Debug.cpp): words of four bytes,
the most significant byte first, 16 bytes a line with the offset, or all in one line if there are no more.
"""

from __future__ import annotations

import re

from harness.binder.errors import ParcelError
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import signed, status_name

_LINE = re.compile(r"\s*(?:0x(?P<offset>[0-9a-f]{8}): )?(?P<words>[0-9a-f]{2,8}(?: [0-9a-f]{2,8})*)\s+'.*")
_ERROR = re.compile(r'Parcel\(Error: 0x(?P<status>[0-9a-f]{1,16}) "(?P<text>[^"]*)"')
_START = "Parcel("


class ReplyStatusError(ParcelError):
    """There is no reply: the call ended in `status`, a status_t, for which the device has `text`."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(
            f"the call ended in status {status_name(status)} ({status}, {text}), without a reply"
        )


def parse_parcel_text(text: str) -> ParcelReader:
    """The reply that a text from `service call` shows.

    Raises ReplyStatusError where the call ended in a status, ParcelError where bytes are missing.
    """
    _, found, content = text.replace("\r", "").partition(_START)
    if not found:
        raise ParcelError("expected `Parcel(…)`, as `service call` prints a reply")
    if error := _ERROR.match(f"{_START}{content}"):
        raise ReplyStatusError(signed(int(error["status"], 16)), error["text"])
    data = bytearray()
    for line in content.split("\n"):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        offset = int(match["offset"], 16) if match["offset"] else 0
        if offset != len(data):
            raise ParcelError(f"bytes {len(data)} to {offset} are missing in the text")
        for word in match["words"].split():
            data += bytes.fromhex(word.rjust(len(word) + len(word) % 2, "0"))[::-1]
    if not data and "NULL" not in content and "(empty)" not in content:
        raise ParcelError("expected lines such as `0x00000000: 00000000 0000000f '........'` in `Parcel(…)`")
    return ParcelReader(bytes(data))
