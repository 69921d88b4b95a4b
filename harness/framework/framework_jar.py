"""Reads a device's framework.jar: the activity manager's codes and the fields of an Intent on that build."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.base.command import run
from emulator.base.errors import FacilityMissingError, HarnessError, SetupError
from emulator.base.progress import step
from harness.framework import jar_parser

if TYPE_CHECKING:
    from harness.device.device import Device

FRAMEWORK_JAR = "/system/framework/framework.jar"
PARSED_WITHIN = 120.0
"""Seconds for a process that parses it: some ten times what that takes."""
PARSED_IN = 4 << 30
"""Bytes of address space for that process."""


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


LARGEST_JAR = 512 << 20
"""Bytes, ten times as many as Android's has."""


def pull_framework_jar(device: Device) -> FrameworkJar:
    """Fetch the device's framework.jar, some 40 MB, and read it.

    Raises what `read_framework_jar` does, and HarnessError where the file cannot be fetched.
    """
    with _pulled(device) as jar:
        return read_framework_jar(jar)


def pull_transaction_codes(device: Device) -> dict[str, dict[int, str]]:
    """Fetch the device's framework.jar, and read the methods' names of its interfaces by code.

    Raises what `pull_framework_jar` does.
    """
    with _pulled(device) as jar:
        return read_transaction_codes(jar)


@contextlib.contextmanager
def _pulled(device: Device) -> Iterator[Path]:
    require_parser()  # fails, if at all, before the download
    with tempfile.TemporaryDirectory() as directory, step(f"reading {FRAMEWORK_JAR} of {device.serial}"):
        local = Path(directory) / "framework.jar"
        device.pull(FRAMEWORK_JAR, local, largest=LARGEST_JAR)
        yield local


def read_framework_jar(
    path: Path, *, seconds: float = PARSED_WITHIN, memory: int = PARSED_IN
) -> FrameworkJar:
    """Read the classes from whichever of the archive's dex files defines them, in a process of its own.

    `memory` is that process's address space, in bytes. Raises UnreadableJarError, also where the limits do
    not suffice, and FacilityMissingError where the parser of dex files is not installed.
    """
    return _summary(_parsed(path, jar_parser.FIELDS, seconds, memory))


def read_transaction_codes(path: Path) -> dict[str, dict[int, str]]:
    """The methods' names by code, of each interface with the constants that aidl generates.

    Raises what `read_framework_jar` does.
    """
    interfaces = _parsed(path, jar_parser.CODES, PARSED_WITHIN, PARSED_IN)
    return {name: {code: method for method, code in codes.items()} for name, codes in interfaces.items()}


def _parsed(path: Path, wanted: str, seconds: float, memory: int) -> Mapping[str, Mapping[str, int]]:
    require_parser()
    parser: list[str | Path] = [sys.executable, "-m", jar_parser.__name__, path, str(memory), wanted]
    try:
        # A checkout need not be installed for the interpreter that is started.
        output = run(parser, seconds=seconds, environment={"PYTHONPATH": os.pathsep.join(sys.path)})
    except SetupError as error:
        raise UnreadableJarError(f"{path.name} cannot be read: {error}") from error
    result = json.loads(output)
    if "error" in result:
        raise UnreadableJarError(f"{path.name} cannot be read: {result['error']}")
    found: Mapping[str, Mapping[str, int]] = result[wanted]
    return found


def require_parser() -> None:
    """Raise FacilityMissingError where the parser of dex files is not installed."""
    try:
        missing = [name for name in jar_parser.MODULES if find_spec(name) is None]
    except ImportError:
        missing = ["androguard"]
    if missing:
        raise FacilityMissingError(
            "Reading framework.jar needs androguard. Install it: pip install 'binder-harness[framework]'"
        )


def _summary(fields: Mapping[str, Mapping[str, int]]) -> FrameworkJar:
    return FrameworkJar(
        codes={
            name.removeprefix(jar_parser.CONSTANT): value
            for name, value in fields.get(jar_parser.STUB, {}).items()
            if name.startswith(jar_parser.CONSTANT) and value > 0
        },
        intent_fields=frozenset(fields.get(jar_parser.INTENT, {})),
        bundle_fields=frozenset(fields.get(jar_parser.BASE_BUNDLE, {})),
    )
