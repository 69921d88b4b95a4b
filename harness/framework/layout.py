"""How the framework's own parcelables differ between Android releases."""

from __future__ import annotations

from enum import Enum

from emulator.errors import UsageError
from harness.binder.wire_format import WireFormat


class Layout(Enum):
    """A generation of parcelables, named by the release that brought it; in force until the next one.

    Sources: core/java/android/os/Parcel.java (writeValue), BaseBundle.java, android/net/Uri.java and
    android/content/Intent.java of frameworks/base. Android 10 and older write other strings in them.
    """

    ANDROID_11 = (11, WireFormat.ANDROID_11, False)
    ANDROID_12 = (12, WireFormat.ANDROID_12, False)
    ANDROID_13 = (13, WireFormat.ANDROID_13, True)

    def __init__(self, release: int, wire: WireFormat, values_have_lengths: bool) -> None:
        self.release = release
        """The first release that writes so."""
        self.wire = wire
        """The parcels these parcelables are in."""
        self.values_have_lengths = values_have_lengths
        """Whether a list, and what has a class of its own, tells its length in a bundle (Parcel.java, 13)."""

    @classmethod
    def of_wire(cls, wire: WireFormat) -> Layout:
        """The layout that goes with a wire format; UsageError for those before Android 11."""
        for layout in cls:
            if layout.wire is wire:
                return layout
        raise UsageError(
            f"Intents and bundles of Android {wire.release} are not known here: only those of "
            f"Android {min(layout.release for layout in cls)} and later."
        )
