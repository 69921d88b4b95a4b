"""Reads a device's framework.jar: the activity manager's codes and the fields of an Intent on that build."""

from __future__ import annotations

import importlib
import re
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.base.errors import FacilityMissingError, HarnessError
from emulator.base.progress import step

if TYPE_CHECKING:
    from harness.device.device import Device

FRAMEWORK_JAR = "/system/framework/framework.jar"
STUB = "Landroid/app/IActivityManager$Stub;"
INTENT = "Landroid/content/Intent;"
BASE_BUNDLE = "Landroid/os/BaseBundle;"
_CLASSES = (STUB, INTENT, BASE_BUNDLE)
_CONSTANT = "TRANSACTION_"
_DEX = re.compile(r"classes\d*\.dex")


class UnreadableJarError(HarnessError):
    """A framework.jar that is not an archive, or whose dex files are damaged."""


@dataclass(frozen=True, slots=True)
class FrameworkJar:
    """What one build of the framework has; empty where the class, or its constants, are missing."""

    codes: Mapping[str, int]
    """IActivityManager's methods: the constants that aidl generates. Builds may be stripped of them."""
    intent_fields: frozenset[str]
    """Names of the fields of android.content.Intent."""
    bundle_fields: frozenset[str]
    """Names of the fields of android.os.BaseBundle."""


def pull_framework_jar(device: Device) -> FrameworkJar:
    """Fetch the device's framework.jar, some 40 MB, and read it.

    Raises what `read_framework_jar` does, and HarnessError where the file cannot be fetched.
    """
    parser()  # fails, if at all, before the download
    with tempfile.TemporaryDirectory() as directory, step(f"reading {FRAMEWORK_JAR} of {device.serial}"):
        local = Path(directory) / "framework.jar"
        device.pull(FRAMEWORK_JAR, local)
        return read_framework_jar(local)


def read_framework_jar(path: Path) -> FrameworkJar:
    """Read the classes from whichever of the archive's dex files defines them.

    Raises UnreadableJarError, and FacilityMissingError where the parser of dex files is not installed.
    """
    dex = parser()
    try:
        return _summary(_classes(path, dex))
    except Exception as error:  # on damaged data the parser raises errors of any type
        raise UnreadableJarError(f"{path.name} cannot be read: {error}") from error


def _classes(path: Path, dex: Any) -> dict[str, Any]:
    """The classes found, each from the first dex file that defines it, as class loaders do."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as jar:
        for name in filter(_DEX.fullmatch, jar.namelist()):
            content = jar.read(name)
            # Parsing takes a second: only files that define or use a missing class are parsed.
            candidates = [kind for kind in _CLASSES if kind not in found and kind.encode() in content]
            if candidates:
                _check(name, content)
                parsed = dex(content)
                found |= {kind: defined for kind in candidates if (defined := parsed.get_class(kind))}
    return found


def _check(name: str, content: bytes) -> None:
    """Refuse a damaged file, on which the parser may hang.

    The checksum, at offset 8, covers everything after it up to the size, at offset 32 (Dalvik executable
    format).
    """
    checksum, size = (int.from_bytes(content[offset : offset + 4], "little") for offset in (8, 32))
    if not content.startswith(b"dex\n") or zlib.adler32(content[12:size]) != checksum:
        raise UnreadableJarError(f"{name} is damaged: its checksum does not match its content")


def _summary(found: Mapping[str, Any]) -> FrameworkJar:
    constants = {field.get_name(): _value(field) for field in _fields(found, STUB)}
    return FrameworkJar(
        codes={
            name.removeprefix(_CONSTANT): value
            for name, value in constants.items()
            if name.startswith(_CONSTANT) and value > 0
        },
        intent_fields=frozenset(field.get_name() for field in _fields(found, INTENT)),
        bundle_fields=frozenset(field.get_name() for field in _fields(found, BASE_BUNDLE)),
    )


def parser() -> Any:
    """androguard's parser of one dex file, its log off; FacilityMissingError where it is not installed."""
    try:
        loguru = importlib.import_module("loguru")
        dex = importlib.import_module("androguard.core.dex")
    except ImportError as error:
        raise FacilityMissingError(
            "Reading framework.jar needs androguard. Install it: pip install 'binder-harness[framework]'"
        ) from error
    loguru.logger.disable("androguard")
    return dex.DEX


def _fields(found: Mapping[str, Any], kind: str) -> list[Any]:
    return list(found[kind].get_fields()) if kind in found else []


def _value(field: Any) -> int:
    """A constant's value; 0 where the file has none, as after inlining."""
    initial = field.get_init_value()
    value = initial.get_value() if initial is not None else None
    return value if isinstance(value, int) else 0
