"""The codes and layout of a device's activity manager: found once, from its framework.jar where possible."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from emulator.base.errors import FacilityMissingError, HarnessError
from emulator.base.progress import report
from harness.device.facts import Facts
from harness.framework.framework_jar import FrameworkJar, pull_framework_jar
from harness.framework.layout import ANDROID_10, ANDROID_11, ANDROID_12, ANDROID_13, Layout
from harness.framework.transaction_codes import (
    ACTIVITY_MANAGER_CODES,
    JAVA_CODES,
    CodeNames,
    code_names_of,
)

if TYPE_CHECKING:
    from harness.device.device import Device

LAST_WITH_NATIVE_RECEIVERS = 13
"""From the next release on, a process without an IApplicationThread cannot register a receiver
(ActivityManagerService.java, registerReceiverWithFeature).
"""
CREATOR_TOKENS = 16
"""The first release whose Intents always carry a creator token; before, a flag of the build decides."""
STANDIN_RELEASE = 11
"""The release whose codes and Intents a stand-in has on libbinder of that release or of a later one."""
FEATURES = 11
"""The first release in which who broadcasts or receives names the part of its package that does."""


class CodeSource(StrEnum):
    """Where a dialect's codes come from."""

    FRAMEWORK_JAR = "framework.jar"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Codes and layout of one activity manager."""

    release: int
    """Android's."""
    layout: Layout
    codes: Mapping[str, int]
    source: CodeSource
    note: str = ""
    """Why the codes are from the table, although the device has a framework.jar."""

    @classmethod
    def of_release(cls, release: int, *, note: str = "") -> Dialect:
        """Codes and layout from the tables; FacilityMissingError for a release that they do not have."""
        if release not in _LAYOUTS:
            reason = f", and {note.removesuffix('.')}" if note else ""
            raise FacilityMissingError(
                f"The layout of Intents on Android {release} can be found only in its framework.jar{reason}. "
                f"Without it, broadcasts go over Binder on Android {min(_LAYOUTS)} to {max(_LAYOUTS)} only; "
                "`shell_broadcast` and `cmd activity` work on all releases."
            )
        return cls(release, _LAYOUTS[release], ACTIVITY_MANAGER_CODES[release], CodeSource.TABLE, note)

    @classmethod
    def of_jar(cls, release: int, jar: FrameworkJar) -> Dialect:
        """From a device's framework.jar, and from the table where the jar was stripped of the codes.

        Raises FacilityMissingError where neither has them.
        """
        layout = _LAYOUTS.get(release) or _layout_of(release, jar)
        if jar.codes:
            return cls(release, layout, jar.codes, CodeSource.FRAMEWORK_JAR)
        note = "framework.jar has no transaction codes"
        if release not in ACTIVITY_MANAGER_CODES:
            raise FacilityMissingError(
                f"The activity manager's codes on this Android {release} are unknown: its {note}, and the "
                f"table has only those of Android {', '.join(map(str, ACTIVITY_MANAGER_CODES))}."
            )
        return cls(release, layout, ACTIVITY_MANAGER_CODES[release], CodeSource.TABLE, note)

    @property
    def has_native_receivers(self) -> bool:
        """Whether a process that is not an app can receive broadcasts."""
        return self.release <= LAST_WITH_NATIVE_RECEIVERS

    @property
    def has_features(self) -> bool:
        """Whether broadcasts and receivers name a part of a package: then two methods end in WithFeature."""
        return self.release >= FEATURES

    def code(self, method: str) -> int:
        """The code of a method; FacilityMissingError where it is unknown."""
        if method not in self.codes:
            source = f"its {self.source}" if self.source is CodeSource.FRAMEWORK_JAR else f"the {self.source}"
            raise FacilityMissingError(
                f"The code of {method} on this Android {self.release} is unknown: {source} does not have it."
            )
        return self.codes[method]


def _layout_of(release: int, jar: FrameworkJar) -> Layout:
    if not jar.intent_fields:
        raise FacilityMissingError(
            f"The layout of Intents on this Android {release} is unknown: its framework.jar has no class "
            "android.content.Intent."
        )
    layout = Layout.of_fields(jar.intent_fields, jar.bundle_fields)
    if layout.creator_token and release < CREATOR_TOKENS:
        raise FacilityMissingError(
            f"Whether Intents on this Android {release} end in a creator token depends on a flag of the "
            "build that cannot be read: use `shell_broadcast` or `cmd activity`."
        )
    return layout


_LAYOUTS = {10: ANDROID_10, 11: ANDROID_11, 12: ANDROID_12, 13: ANDROID_13}
_WITH_STANDIN: WeakSet[Device] = WeakSet()
_WITH_JAVA: WeakKeyDictionary[Device, list[int]] = WeakKeyDictionary()
"""The releases of AOSP's Java that is in use on a device, one for each user."""
_FOUND: WeakKeyDictionary[Device, Dialect] = WeakKeyDictionary()
_INSUFFICIENT_JARS: WeakKeyDictionary[Device, str] = WeakKeyDictionary()
"""Why a device's framework.jar, although readable, is not sufficient."""


def android_release(facts: Facts) -> int | None:
    """The major release of a device's Android, 12 of 12L, too; None where no Android runs."""
    number = re.match(r"\d+", facts.android_release or "")
    return int(number[0]) if number else None


def standin_release(facts: Facts) -> int:
    """The release whose codes and Intents a device's stand-in has (device_agents/activity_standin)."""
    return min(facts.libbinder_release, STANDIN_RELEASE)


@contextmanager
def standin_answers(device: Device) -> Iterator[None]:
    """For the block, a stand-in is the device's activity manager, also on an Android without a framework."""
    _WITH_STANDIN.add(device)
    try:
        yield
    finally:
        _WITH_STANDIN.discard(device)


@contextmanager
def java_in_use(device: Device, release: int) -> Iterator[None]:
    """For the block, calls on a device may be those of a release of AOSP's Java."""
    releases = _WITH_JAVA.setdefault(device, [])
    releases.append(release)
    try:
        yield
    finally:
        releases.remove(release)


def framework_release(device: Device) -> int | None:
    """The release of the device's own activity manager; None where there is at most a stand-in."""
    return None if device in _WITH_STANDIN else android_release(device.facts)


def dialect_of(device: Device) -> Dialect | None:
    """The dialect of a device's Android, found once for each device; None where at most a stand-in answers.

    The first call fetches and reads framework.jar. Raises FacilityMissingError where neither it nor the
    tables are sufficient; the next call fetches the jar again only if it could not be read.
    """
    release = framework_release(device)
    if release is None:
        return None
    if device not in _FOUND:
        _FOUND[device] = _find(device, release)
    return _FOUND[device]


def code_names_on(device: Device) -> CodeNames:
    """Names for the codes of a device's interfaces, without fetching anything from it."""
    java = next(iter(_WITH_JAVA.get(device, ())), device.facts.java)
    if java is not None and framework_release(device) is None:
        return code_names_of(java, JAVA_CODES[java])
    release = framework_release(device) or standin_release(device.facts)
    dialect = _FOUND.get(device)
    return code_names_of(release, dialect.codes if dialect else ACTIVITY_MANAGER_CODES.get(release, {}))


def _find(device: Device, release: int) -> Dialect:
    if release < min(_LAYOUTS):
        raise FacilityMissingError(
            f"Calling the activity manager over Binder needs Android {min(_LAYOUTS)} or later; this is "
            f"Android {release}. Use `shell_broadcast` or `cmd activity`."
        )
    if device in _INSUFFICIENT_JARS:
        raise FacilityMissingError(_INSUFFICIENT_JARS[device])
    try:
        jar = pull_framework_jar(device)
    except HarnessError as error:
        device.raise_if_lost()
        dialect = Dialect.of_release(release, note=str(error))
    else:
        try:
            dialect = Dialect.of_jar(release, jar)
        except FacilityMissingError as error:
            _INSUFFICIENT_JARS[device] = str(error)  # the error's traceback would keep the device alive
            raise
    if dialect.note:
        report(f"using the table of activity manager codes for Android {release}: {dialect.note}")
    return dialect
