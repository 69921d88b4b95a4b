"""URIs in parcels, in each of the three forms that android.net.Uri writes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import quote

from harness.argument_types import checked_methods
from harness.binder.errors import ParcelError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader

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


def write_uri(parcel: Parcel, uri: Uri | None) -> None:
    """Append a URI in the form that Uri.parse() gives it."""
    if uri is None:
        parcel.int32(UriForm.NULL)
    else:
        parcel.int32(UriForm.STRING).string8(uri.text)


def read_uri(reader: ParcelReader) -> Uri | None:
    """The URI at the reader's position in whatever form, None for null; ParcelError for anything else."""
    match form := reader.int32():
        case UriForm.NULL:
            return None
        case UriForm.STRING:
            text = reader.string8()
            if text is None:
                raise ParcelError(f"before byte {reader.position}: a URI without text")
            return Uri(text)
        case UriForm.OPAQUE:
            scheme, specific, fragment = reader.string8(), _read_part(reader), _read_part(reader)
            return Uri(f"{_suffixed(scheme, ':')}{specific or ''}{_prefixed('#', fragment)}")
        case UriForm.HIERARCHICAL:
            scheme = reader.string8()
            authority, path = _read_part(reader), _read_part(reader, safe="/")
            query, fragment = _read_part(reader), _read_part(reader)
            return Uri(
                f"{_suffixed(scheme, ':')}{_prefixed('//', authority)}{path or ''}"
                f"{_prefixed('?', query)}{_prefixed('#', fragment)}"
            )
    raise ParcelError(f"before byte {reader.position}: a URI of unknown form {form}")


def _read_part(reader: ParcelReader, *, safe: str = "") -> str | None:
    """A part's encoded text."""
    match form := reader.int32():
        case PartForm.BOTH:
            encoded = reader.string8()
            reader.string8()
            return encoded
        case PartForm.ENCODED:
            return reader.string8()
        case PartForm.DECODED:
            decoded = reader.string8()
            return None if decoded is None else quote(decoded, safe=_UNRESERVED + safe)
    raise ParcelError(f"before byte {reader.position}: a part of a URI of unknown form {form}")


def _suffixed(text: str | None, suffix: str) -> str:
    return "" if text is None else f"{text}{suffix}"


def _prefixed(prefix: str, text: str | None) -> str:
    return "" if text is None else f"{prefix}{text}"
