"""Intents: what a broadcast, a bind or a start carries, as typed values that parcels can hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from emulator.errors import UsageError
from harness.binder.errors import ParcelError
from harness.binder.parcel import Parcel
from harness.binder.parcel_reader import ParcelReader
from harness.framework.bundle import Bundle, read_bundle, write_bundle
from harness.framework.layout import Layout
from harness.framework.uri import Uri, read_uri, write_uri

USER_CURRENT = -2
"""android.os.UserHandle: whoever uses the device."""
DEEPEST_SELECTOR = 1
"""A selector has no selector of its own (Intent.java, setSelector)."""


@dataclass(frozen=True, slots=True)
class ComponentName:
    """A class of an application."""

    package: str
    class_name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """From PACKAGE/CLASS, where a class that begins with a dot is the package's own; else UsageError."""
        package, slash, class_name = text.partition("/")
        if not (package and slash and class_name):
            raise UsageError(f"{text!r} names no component: PACKAGE/CLASS, as in com.example/.Receiver")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to be done, and by whom. Clip data is not modelled: an Intent that has some is not read."""

    action: str | None = None
    data: Uri | None = None
    type: str | None = None
    identifier: str | None = None
    flags: int = 0
    """32 bits, FLAG_ of Intent.java."""
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


def write_intent(parcel: Parcel, intent: Intent) -> None:
    """Append an Intent as Intent.writeToParcel does; UsageError for a release that is not known here."""
    Layout.of_wire(parcel.wire)
    parcel.string8(intent.action)
    write_uri(parcel, intent.data)
    parcel.string8(intent.type).string8(intent.identifier).uint32(intent.flags).string8(intent.package)
    write_component(parcel, intent.component)
    bounds = intent.source_bounds
    parcel.int32(int(bounds is not None))
    if bounds is not None:
        parcel.int32(bounds.left).int32(bounds.top).int32(bounds.right).int32(bounds.bottom)
    parcel.int32(len(intent.categories))
    for category in intent.categories:
        parcel.string8(category)
    parcel.int32(int(intent.selector is not None))
    if intent.selector is not None:
        write_intent(parcel, intent.selector)
    parcel.int32(0).int32(intent.content_user_hint)  # 0: no clip data
    write_bundle(parcel, intent.extras)


def read_intent(reader: ParcelReader, *, depth: int = 0) -> Intent:
    """The Intent at the reader's position; ParcelError where there is none that can be read."""
    if depth > DEEPEST_SELECTOR:
        raise ParcelError(f"at byte {reader.position}: an Intent whose selector has a selector")
    action, data = reader.string8(), read_uri(reader)
    mime_type, identifier = reader.string8(), reader.string8()
    flags, package, component = reader.uint32(), reader.string8(), read_component(reader)
    bounds = None
    if reader.boolean():
        bounds = Rect(reader.int32(), reader.int32(), reader.int32(), reader.int32())
    count = reader.int32()
    if not 0 <= count <= reader.remaining:
        raise ParcelError(f"before byte {reader.position}: an Intent of {count} categories")
    categories = [reader.string8() for _ in range(count)]
    selector = read_intent(reader, depth=depth + 1) if reader.boolean() else None
    if reader.boolean():
        raise ParcelError(f"before byte {reader.position}: an Intent with clip data, which is not read here")
    return Intent(
        action=action,
        data=data,
        type=mime_type,
        identifier=identifier,
        flags=flags,
        package=package,
        component=component,
        source_bounds=bounds,
        categories=tuple(category for category in categories if category is not None),
        selector=selector,
        content_user_hint=reader.int32(),
        extras=read_bundle(reader),
    )


def write_component(parcel: Parcel, component: ComponentName | None) -> None:
    """Append a component's two names, or null (ComponentName.java, writeToParcel)."""
    if component is None:
        parcel.string16(None)
    else:
        parcel.string16(component.package).string16(component.class_name)


def read_component(reader: ParcelReader) -> ComponentName | None:
    """The component at the reader's position, None for null."""
    package = reader.string16()
    if package is None:
        return None
    class_name = reader.string16()
    if class_name is None:
        raise ParcelError(f"before byte {reader.position}: a component of {package} without a class")
    return ComponentName(package, class_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFilter:
    """Which Intents a receiver wants: by action, and by category and data scheme where given."""

    actions: tuple[str, ...]
    categories: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    priority: int = 0


def write_filter(parcel: Parcel, wanted: IntentFilter) -> None:
    """Append a filter as IntentFilter.writeToParcel does in Android 11 to 13."""
    parcel.string16_array(wanted.actions)
    for names in (wanted.categories, wanted.schemes):
        parcel.int32(int(bool(names)))
        if names:
            parcel.string16_array(names)
    # No static and dynamic types, MIME groups, scheme-specific parts, authorities and paths.
    for _ in range(6):
        parcel.int32(0)
    # Partial types, static and dynamic; to be verified; visible to instant apps; order.
    parcel.int32(wanted.priority).int32(0).int32(0).int32(0).int32(0).int32(0)
