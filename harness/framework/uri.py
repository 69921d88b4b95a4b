"""URIs in parcels, in each of the three forms that android.net.Uri writes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import quote

from harness.argument_types import checked_methods
from harness.binder.errors import ParcelError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.framework.layout import Layout

_UNRESERVED = "_-!.~'()*"
"""What Uri.encode() does not escape, besides letters and digits."""


class UriForm(IntEnum):
    """The word before a URI (Uri.java, TYPE_ID, Android 11)."""

    NULL = 0
    STRING = 1
    OPAQUE = 2
    HIERARCHICAL = 3


class PartForm(IntEnum):
    """The word before a part of a URI (Uri.java, Representation, Android 11)."""

    BOTH = 0
    ENCODED = 1
    DECODED = 2


@checked_methods
@dataclass(frozen=True, slots=True)
class Uri:
    """A URI as text, percent-encoded."""

    text: str

    def __str__(self) -> str:
        return self.text


def write_uri(parcel: Parcel, uri: Uri | None, *, layout: Layout | None = None) -> None:
    """Append a URI as Uri.parse() gives it, by default in the layout of the parcel's release."""
    layout = layout or Layout.of_wire(parcel.wire)
    if uri is None:
        parcel.int32(UriForm.NULL)
    else:
        layout.write_string(parcel.int32(UriForm.STRING), uri.text)


def read_uri(reader: ParcelReader, *, layout: Layout | None = None) -> Uri | None:
    """The URI at the reader's position in whatever form, None for null; ParcelError for anything else."""
    layout = layout or Layout.of_wire(reader.wire)
    match form := reader.int32():
        case UriForm.NULL:
            return None
        case UriForm.STRING:
            text = layout.read_string(reader)
            if text is None:
                raise ParcelError(f"before byte {reader.position}: a URI without text")
            return Uri(text)
        case UriForm.OPAQUE:
            scheme = layout.read_string(reader)
            specific, fragment = _read_part(reader, layout), _read_part(reader, layout)
            return Uri(f"{_suffixed(scheme, ':')}{specific or ''}{_prefixed('#', fragment)}")
        case UriForm.HIERARCHICAL:
            scheme = layout.read_string(reader)
            authority, path = _read_part(reader, layout), _read_part(reader, layout, safe="/")
            query, fragment = _read_part(reader, layout), _read_part(reader, layout)
            return Uri(
                f"{_suffixed(scheme, ':')}{_prefixed('//', authority)}{path or ''}"
                f"{_prefixed('?', query)}{_prefixed('#', fragment)}"
            )
    raise ParcelError(f"before byte {reader.position}: a URI of unknown form {form}")


def _read_part(reader: ParcelReader, layout: Layout, *, safe: str = "") -> str | None:
    """A part's encoded text."""
    match form := reader.int32():
        case PartForm.BOTH:
            encoded = layout.read_string(reader)
            layout.read_string(reader)
            return encoded
        case PartForm.ENCODED:
            return layout.read_string(reader)
        case PartForm.DECODED:
            decoded = layout.read_string(reader)
            return None if decoded is None else quote(decoded, safe=_UNRESERVED + safe)
    raise ParcelError(f"before byte {reader.position}: a part of a URI of unknown form {form}")


def _suffixed(text: str | None, suffix: str) -> str:
    return "" if text is None else f"{text}{suffix}"


def _prefixed(prefix: str, text: str | None) -> str:
    return "" if text is None else f"{prefix}{text}"
