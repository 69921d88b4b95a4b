"""How the activity manager of a device is spoken to: found once, from its framework.jar where that helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from emulator.base.errors import FacilityMissingError, HarnessError
from emulator.base.progress import report
from harness.device.facts import Facts
from harness.framework.framework_jar import FrameworkJar, pull_framework_jar
from harness.framework.layout import ANDROID_11, ANDROID_12, ANDROID_13, Layout
from harness.framework.transaction_codes import (
    ACTIVITY_MANAGER_CODES,
    CodeNames,
    code_names,
    code_names_of,
)

if TYPE_CHECKING:
    from harness.device.device import Device

LAST_THAT_TELLS_NATIVE_PROCESSES = 13
"""From the next release on a process without an IApplicationThread can register no receiver
(ActivityManagerService.java, registerReceiverWithFeature).
"""
CREATOR_TOKENS = 16
"""The release from which on Intents surely carry a creator's token; before, a flag of the build decides."""


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
    """Why the codes come from the table, where the device has a framework.jar."""

    @classmethod
    def of_release(cls, release: int, *, note: str = "") -> Dialect:
        """Codes and layout from the tables; FacilityMissingError for a release that they do not hold."""
        if release not in _LAYOUTS:
            why = f", and {note.removesuffix('.')}" if note else ""
            raise FacilityMissingError(
                f"How Android {release} lays Intents out is known from its framework.jar only{why}. Without "
                f"it the Binder route takes Android {min(_LAYOUTS)} to {max(_LAYOUTS)}; `shell_broadcast` "
                "and `cmd activity` work on all."
            )
        return cls(release, _LAYOUTS[release], ACTIVITY_MANAGER_CODES[release], CodeSource.TABLE, note)

    @classmethod
    def of_jar(cls, release: int, jar: FrameworkJar) -> Dialect:
        """From what a device's own framework has, and the table where the jar was stripped of the codes.

        Raises FacilityMissingError for a build of which neither tells.
        """
        layout = _LAYOUTS.get(release) or _layout_of(release, jar)
        if jar.codes:
            return cls(release, layout, jar.codes, CodeSource.FRAMEWORK_JAR)
        note = "framework.jar holds no transaction codes"
        if release not in ACTIVITY_MANAGER_CODES:
            raise FacilityMissingError(
                f"The activity manager's codes on this Android {release} are not known: its {note}, and the "
                f"table has those of Android {', '.join(map(str, ACTIVITY_MANAGER_CODES))} only."
            )
        return cls(release, layout, ACTIVITY_MANAGER_CODES[release], CodeSource.TABLE, note)

    @property
    def tells_native_processes(self) -> bool:
        """Whether a process that is no app can receive broadcasts."""
        return self.release <= LAST_THAT_TELLS_NATIVE_PROCESSES

    def code(self, method: str) -> int:
        """The code of a method; FacilityMissingError where it is not known."""
        if method not in self.codes:
            raise FacilityMissingError(
                f"The code of {method} is not known for this Android {self.release}; the others are, from "
                f"{'its' if self.source is CodeSource.FRAMEWORK_JAR else 'a'} {self.source}."
            )
        return self.codes[method]


def _layout_of(release: int, jar: FrameworkJar) -> Layout:
    if not jar.intent_fields:
        raise FacilityMissingError(
            f"How this Android {release} lays Intents out is not known: its framework.jar holds no class "
            "android.content.Intent."
        )
    layout = Layout.of_fields(jar.intent_fields, jar.bundle_fields)
    if layout.creator_token and release < CREATOR_TOKENS:
        raise FacilityMissingError(
            f"Whether Intents of this Android {release} end in their creator's token depends on a flag of "
            "the build that is not to be seen: use `shell_broadcast` or `cmd activity`."
        )
    return layout


_LAYOUTS = {11: ANDROID_11, 12: ANDROID_12, 13: ANDROID_13}
_FOUND: WeakKeyDictionary[Device, Dialect] = WeakKeyDictionary()
_NOT_TOLD: WeakKeyDictionary[Device, str] = WeakKeyDictionary()
"""Why a device's framework.jar, which was read, does not tell enough."""


def android_release(facts: Facts) -> int | None:
    """The release of a device's Android, as its own number; None where no Android runs."""
    number = (facts.android_release or "").partition(".")[0]
    return int(number) if number.isdecimal() else None


def dialect_of(device: Device) -> Dialect | None:
    """That of a device's Android, found once for each device; None where no Android runs.

    framework.jar is fetched and read when this is first asked for. Raises FacilityMissingError where neither
    it nor the tables tell enough; only a jar that could not be read is then fetched again.
    """
    release = android_release(device.facts)
    if release is None:
        return None
    if device not in _FOUND:
        _FOUND[device] = _find(device, release)
    return _FOUND[device]


def code_names_on(device: Device) -> CodeNames:
    """Names for the codes of a device's interfaces, as far as they are known without asking it for more."""
    release = android_release(device.facts)
    if release is None:
        return code_names
    known = _FOUND.get(device)
    return code_names_of(release, known.codes if known else ACTIVITY_MANAGER_CODES.get(release, {}))


def _find(device: Device, release: int) -> Dialect:
    if release < min(_LAYOUTS):
        raise FacilityMissingError(
            f"Android {release}'s activity manager is not spoken to over Binder here, only that of "
            f"{min(_LAYOUTS)} and later: use `shell_broadcast` or `cmd activity`."
        )
    if device in _NOT_TOLD:
        raise FacilityMissingError(_NOT_TOLD[device])
    try:
        jar = pull_framework_jar(device)
    except HarnessError as error:
        device.raise_if_lost()
        dialect = Dialect.of_release(release, note=str(error))
    else:
        try:
            dialect = Dialect.of_jar(release, jar)
        except FacilityMissingError as error:
            _NOT_TOLD[device] = str(error)  # the error itself would hold the device by its traceback
            raise
    if dialect.note:
        report(f"the activity manager's codes are those of a table for Android {release}: {dialect.note}")
    return dialect
