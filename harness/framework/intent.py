"""Intents, which broadcasts and bindings carry, as typed values, and how they are written to parcels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from emulator.base.errors import UsageError
from harness.argument_types import checked_methods
from harness.binder.errors import ParcelError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.framework.bundle import Bundle, read_bundle, write_bundle
from harness.framework.layout import Layout
from harness.framework.uri import Uri, read_uri, write_uri

USER_CURRENT = -2
"""android.os.UserHandle: the current user of the device."""
DEEPEST = 2
"""How deep Intents may be nested: an Intent's original, and that one's selector, which has none itself."""


@checked_methods
@dataclass(frozen=True, slots=True)
class ComponentName:
    """A class of an application."""

    package: str
    class_name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From PACKAGE/CLASS, where a class that begins with a dot is in the package; else UsageError."""
        package, slash, class_name = text.partition("/")
        if not (package and slash and class_name):
            raise UsageError(f"{text!r} is not a component: write PACKAGE/CLASS, as in com.example/.Receiver")
        return cls(package, package + class_name if class_name.startswith(".") else class_name)

    def __str__(self) -> str:
        own = self.class_name.startswith(f"{self.package}.")
        return f"{self.package}/{self.class_name.removeprefix(self.package) if own else self.class_name}"


@dataclass(frozen=True, slots=True)
class Rect:
    """Edges on the screen, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@checked_methods
@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An action, and who performs it. Clip data is not supported: an Intent that has some cannot be read."""

    action: str | None = None
    data: Uri | None = None
    type: str | None = None
    identifier: str | None = None
    flags: int = 0
    """32 bits, FLAG_ of Intent.java."""
    extended_flags: int = 0
    """32 bits, EXTENDED_FLAG_ of Intent.java; not written for releases that have none."""
    package: str | None = None
    component: ComponentName | None = None
    source_bounds: Rect | None = None
    categories: tuple[str, ...] = ()
    selector: Intent | None = None
    content_user_hint: int = USER_CURRENT
    extras: Bundle | None = field(default=None)

    def __str__(self) -> str:
        shown = {
            "act": self.action,
            "dat": self.data,
            "typ": self.type,
            "pkg": self.package,
            "cmp": self.component,
        }
        words = [f"{name}={value}" for name, value in shown.items() if value is not None]
        return f"Intent {{ {' '.join([*words, '(has extras)'] if self.extras else words)} }}"


def write_intent(parcel: Parcel, intent: Intent, *, layout: Layout | None = None) -> None:
    """Append an Intent as Intent.writeToParcel does, by default in the layout of the parcel's release.

    Raises UsageError for an unsupported release.
    """
    layout = layout or Layout.of_wire(parcel.wire)
    layout.write_string(parcel, intent.action)
    write_uri(parcel, intent.data, layout=layout)
    layout.write_string(parcel, intent.type)
    layout.write_string(parcel, intent.identifier).uint32(intent.flags)
    if layout.extended_flags:
        parcel.uint32(intent.extended_flags)
    layout.write_string(parcel, intent.package)
    write_component(parcel, intent.component)
    bounds = intent.source_bounds
    parcel.int32(int(bounds is not None))
    if bounds is not None:
        parcel.int32(bounds.left).int32(bounds.top).int32(bounds.right).int32(bounds.bottom)
    parcel.int32(len(intent.categories))
    for category in intent.categories:
        layout.write_string(parcel, category)
    parcel.int32(int(intent.selector is not None))
    if intent.selector is not None:
        write_intent(parcel, intent.selector, layout=layout)
    parcel.int32(0).int32(intent.content_user_hint)  # 0: no clip data
    write_bundle(parcel, intent.extras, layout=layout)
    for _ in range(layout.original_intent + layout.creator_token):
        parcel.int32(0)  # none


def read_intent(reader: ParcelReader, *, layout: Layout | None = None, depth: int = 0) -> Intent:
    """The Intent at the reader's position; ParcelError for anything else, or for an unsupported one."""
    layout = layout or Layout.of_wire(reader.wire)
    if depth > DEEPEST:
        raise ParcelError(f"at byte {reader.position}: Intents nested deeper than {DEEPEST}")
    action, data = layout.read_string(reader), read_uri(reader, layout=layout)
    mime_type, identifier = layout.read_string(reader), layout.read_string(reader)
    flags = reader.uint32()
    extended_flags = reader.uint32() if layout.extended_flags else 0
    package, component = layout.read_string(reader), read_component(reader)
    bounds = None
    if reader.boolean():
        bounds = Rect(reader.int32(), reader.int32(), reader.int32(), reader.int32())
    count = reader.int32()
    if not 0 <= count <= reader.remaining:
        raise ParcelError(f"before byte {reader.position}: an Intent of {count} categories")
    categories = [layout.read_string(reader) for _ in range(count)]
    selector = read_intent(reader, layout=layout, depth=depth + 1) if reader.boolean() else None
    if reader.boolean():
        raise ParcelError(f"before byte {reader.position}: an Intent with clip data, which is not supported")
    content_user_hint, extras = reader.int32(), read_bundle(reader, layout=layout)
    if layout.original_intent and reader.boolean():
        read_intent(reader, layout=layout, depth=depth + 1)
    if layout.creator_token and reader.boolean():
        raise ParcelError(
            f"before byte {reader.position}: an Intent with a creator token, which is not supported"
        )
    return Intent(
        action=action,
        data=data,
        type=mime_type,
        identifier=identifier,
        flags=flags,
        extended_flags=extended_flags,
        package=package,
        component=component,
        source_bounds=bounds,
        categories=tuple(category for category in categories if category is not None),
        selector=selector,
        content_user_hint=content_user_hint,
        extras=extras,
    )


def write_component(parcel: Parcel, component: ComponentName | None) -> None:
    """Append a component's two names, or null (ComponentName.java, writeToParcel)."""
    if component is None:
        parcel.string16(None)
    else:
        parcel.string16(component.package).string16(component.class_name)


def read_component(reader: ParcelReader) -> ComponentName | None:
    """The component at the reader's position, None for null; ParcelError for one without a class."""
    package = reader.string16()
    if package is None:
        return None
    class_name = reader.string16()
    if class_name is None:
        raise ParcelError(f"before byte {reader.position}: a component of {package} without a class")
    return ComponentName(package, class_name)


@checked_methods
@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFilter:
    """Which Intents a receiver gets: by action, and by category and data scheme where given."""

    actions: tuple[str, ...]
    categories: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    priority: int = 0


def write_filter(parcel: Parcel, intent_filter: IntentFilter) -> None:
    """Append a filter as IntentFilter.writeToParcel of 10 and of 11 does; assumed for 12 and 13."""
    parcel.string16_array(intent_filter.actions)
    for names in (intent_filter.categories, intent_filter.schemes):
        parcel.int32(int(bool(names)))
        if names:
            parcel.string16_array(names)
    # No types (since 11 static and dynamic ones, MIME groups), scheme-specific parts, authorities, paths.
    since_11 = parcel.wire.release >= 11
    for _ in range(4 + 2 * since_11):
        parcel.int32(0)
    # Partial types, since 11 static and dynamic ones; to be verified; visible to instant apps; order.
    parcel.int32(intent_filter.priority)
    for _ in range(4 + since_11):
        parcel.int32(0)
