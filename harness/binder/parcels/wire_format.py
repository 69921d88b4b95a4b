"""The differences of the parcel formats of Android releases."""

from __future__ import annotations

from enum import Enum

_PENALTY_GATHER_TO_9 = 0x40 << 16
_PENALTY_GATHER = 1 << 31
_SYST, _VNDR, _RECO = (int.from_bytes(word, "big") for word in (b"SYST", b"VNDR", b"RECO"))
_SYSTEM, _VENDOR = 0b001100, 0b000011


class WireFormat(Enum):
    """A parcel format, named after the release that introduced it (frameworks/native/libs/binder).

    A format is valid until the next one: Android 14 and later use that of 13. From 11 on the libbinder of
    vendor processes, and that of recovery, has a header of its own, and refuses the others with BAD_TYPE.
    Sources: Parcel.cpp (kHeader, writeInterfaceToken, finishFlattenBinder) and Stability.cpp
    (getLocalLevel) of each release.
    """

    ANDROID_9 = (9, _PENALTY_GATHER_TO_9, False, None, None, None)
    ANDROID_10 = (10, _PENALTY_GATHER, True, None, None, None)
    ANDROID_11 = (11, _PENALTY_GATHER, True, _SYST, _SYSTEM, 0)
    ANDROID_12 = (12, _PENALTY_GATHER, True, _SYST, _SYSTEM << 24 | 1, 1)
    ANDROID_13 = (13, _PENALTY_GATHER, True, _SYST, _SYSTEM, 0)
    VENDOR_11 = (11, _PENALTY_GATHER, True, _VNDR, _VENDOR, 0)
    VENDOR_12 = (12, _PENALTY_GATHER, True, _VNDR, _VENDOR << 24 | 1, 1)
    VENDOR_13 = (13, _PENALTY_GATHER, True, _VNDR, _VENDOR, 0)
    RECOVERY_11 = (11, _PENALTY_GATHER, True, _RECO, _SYSTEM, 0)
    RECOVERY_12 = (12, _PENALTY_GATHER, True, _RECO, _SYSTEM << 24 | 1, 1)
    RECOVERY_13 = (13, _PENALTY_GATHER, True, _RECO, _SYSTEM, 0)

    def __init__(
        self,
        release: int,
        strict_mode: int,
        work_source: bool,
        header: int | None,
        stability: int | None,
        null_stability: int | None,
    ) -> None:
        self.release = release
        """The first release with this format."""
        self.strict_mode = strict_mode
        """The first word of an interface token: StrictMode's PENALTY_GATHER and no policy."""
        self.work_source = work_source
        """Whether a work source follows."""
        self.header = header
        """The next word, such as `SYST`, by which libbinder recognises and refuses other formats."""
        self.stability = stability
        """The word after a binder: the sender's stability, with the wire version 1 in its low byte on 12."""
        self.null_stability = null_stability
        """The word after a null binder: undeclared stability, with the same version on 12."""
