"""How the framework's own parcelables differ between Android releases, and between builds of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from emulator.base.errors import UsageError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The layout of Intents and bundles on one build.

    Sources: core/java/android/os/Parcel.java (writeValue), BaseBundle.java (writeToParcelInner),
    android/net/Uri.java and android/content/Intent.java (writeToParcel) of frameworks/base. For Android 10
    and the first beta of 14, compared with what the classes themselves write; checked for Android 11, and
    from `extended_flags` on in the sources of systems built on Android 15 and 16; not checked for 12 and 13.
    """

    wire: WireFormat
    """The parcels these parcelables are in."""
    utf16: bool = False
    """Whether the strings of Intents and URIs are in UTF-16, as those of bundles are (Intent.java, 10)."""
    values_have_lengths: bool = False
    """Whether lists and objects in a bundle are preceded by their length (Parcel.java, 13)."""
    extended_flags: bool = False
    """Whether an Intent has a second word of flags after the first (Intent.java, 15 or earlier)."""
    original_intent: bool = False
    """Whether another Intent may follow an Intent's extras (Intent.java, 14 at the latest)."""
    creator_token: bool = False
    """Whether a creator token may follow that (Intent.java, 16)."""
    bundles_flag_intents: bool = False
    """Whether a word after a bundle is a flag for Intents in it (BaseBundle.java, 16)."""

    @classmethod
    def of_java(cls, release: int) -> Layout:
        """The layout of AOSP's Java of a release: where that is not known, of the last one before it."""
        return OF_JAVA[max(known for known in OF_JAVA if known <= release)]

    @classmethod
    def of_wire(cls, wire: WireFormat) -> Layout:
        """The layout of Android 10 to 13, by the format of their parcels; UsageError for older ones."""
        if wire not in LAYOUTS:
            raise UsageError(
                f"Intents and bundles of Android {wire.release} are not supported; those of Android 10 and "
                "later are."
            )
        return LAYOUTS[wire]

    def write_string(self, parcel: Parcel, value: str | None) -> Parcel:
        """Append a string of an Intent or a URI."""
        return parcel.string16(value) if self.utf16 else parcel.string8(value)

    def read_string(self, reader: ParcelReader) -> str | None:
        """The string of an Intent or a URI at the reader's position."""
        return reader.string16() if self.utf16 else reader.string8()

    @classmethod
    def of_fields(cls, intent: frozenset[str], bundle: frozenset[str]) -> Self:
        """The layout of an Android 13 or later whose classes Intent and BaseBundle have these fields."""
        return cls(
            wire=WireFormat.ANDROID_13,
            values_have_lengths=True,
            extended_flags="mExtendedFlags" in intent,
            original_intent="mOriginalIntent" in intent,
            creator_token="mCreatorTokenInfo" in intent,
            bundles_flag_intents="mHasIntent" in bundle,
        )


ANDROID_10 = Layout(wire=WireFormat.ANDROID_10, utf16=True)
ANDROID_11 = Layout(wire=WireFormat.ANDROID_11)
ANDROID_12 = Layout(wire=WireFormat.ANDROID_12)
ANDROID_13 = Layout(wire=WireFormat.ANDROID_13, values_have_lengths=True)
ANDROID_14_BETA = Layout(wire=WireFormat.ANDROID_13, values_have_lengths=True, original_intent=True)
OF_JAVA = {10: ANDROID_10, 11: ANDROID_11, 12: ANDROID_12, 13: ANDROID_13, 14: ANDROID_14_BETA}
LAYOUTS = {layout.wire: layout for layout in (ANDROID_10, ANDROID_11, ANDROID_12, ANDROID_13)}
