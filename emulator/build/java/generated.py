"""Java that Android's build generates: interfaces from AIDL, and classes of constants from other files."""

from __future__ import annotations

import logging
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.progress import report
from emulator.build.java.absent_modules import REGISTRY, write_initializers
from emulator.build.java.event_log_tags import write_event_log_tags
from emulator.build.java.old_aidl import enum_in_java, for_old_aidl
from emulator.build.java.proto_constants import write_proto_constants
from emulator.build.java.release import JavaRelease
from emulator.build.java.sources import FrameworkSources

AIDL_STUBS = "aidl"
"""The agent's directory with declarations of what interfaces name and Debian has no source of."""
_GENERATED = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s*)*(?:(?:oneway\s+)?interface\s|parcelable\s+\w+\s*\{)", re.MULTILINE
)
"""An interface, or a parcelable with its fields."""
AIDL_SECONDS = 60.0
ATTRIBUTE = "{http://schemas.android.com/apk/res/android}name"


def generate(release: JavaRelease, sources: FrameworkSources, output: Path) -> None:
    """Write into `output` what frameworks/base needs in addition to its own Java."""
    output.mkdir()
    _write_interfaces(release, sources, output)
    write_event_log_tags(sources.base / "core/java", output)
    write_proto_constants([sources.base / "core/proto", sources.base / "proto"], output)
    registry = (sources.base / REGISTRY).read_text()
    write_initializers(registry, [sources.base / name for name in release.java_directories], output)
    manifest = (sources.base / "core/res/AndroidManifest.xml").read_text()
    (output / "android/Manifest.java").write_text(manifest_class(manifest))


def _write_interfaces(release: JavaRelease, sources: FrameworkSources, output: Path) -> None:
    directories = [
        *(sources.base / name for name in release.java_directories),
        *(sources.native / name for name in release.aidl_directories),
        *release.of_agent(AIDL_STUBS),
    ]
    if release.later_aidl:
        directories = [_rewritten(directories, output.with_name("aidl"))]
    includes = [f"-I{directory}" for directory in directories]
    files = [file for directory in directories for file in sorted(directory.rglob("*.aidl"))]
    if release.later_aidl:
        _write_enums(files, output)
    interfaces = [file for file in files if _GENERATED.search(file.read_text())]
    report(f"generating the Java of {len(interfaces)} AIDL interfaces")

    def generate_one(file: Path) -> bool:
        options = ("--lang=java", "--transaction_names", *includes)
        try:
            run(["aidl", *options, "-o", output, file], seconds=AIDL_SECONDS)
        except SetupError as error:
            if not release.later_aidl:
                raise
            logging.getLogger(__name__).info("no Java of %s: %s", file.name, error)
            return False
        return True

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = sum(pool.map(generate_one, interfaces))
    report(f"generated the Java of {made} of {len(interfaces)} AIDL interfaces")


def _rewritten(directories: Iterable[Path], output: Path) -> Path:
    """Write the AIDL below these directories for an aidl that knows less, into one directory."""
    for directory in directories:
        for file in sorted(directory.rglob("*.aidl")):
            copy = output / file.relative_to(directory)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(for_old_aidl(file.read_text()))
    return output


def _write_enums(files: Iterable[Path], output: Path) -> None:
    """Write the Java of what an aidl that knows no enumerations does not generate."""
    for file in files:
        if made := enum_in_java(file.read_text()):
            package, java = made
            target = output.joinpath(*package.split("."), f"{file.stem}.java")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(java)


def manifest_class(manifest: str) -> str:
    """android.Manifest, the names of the permissions that the framework's manifest declares."""
    root = ElementTree.fromstring(manifest)
    classes = []
    for java_name, tag in (("permission", "permission"), ("permission_group", "permission-group")):
        names = {element.attrib[ATTRIBUTE] for element in root.iter(tag)}
        constants = "".join(
            f'        public static final String {name.rpartition(".")[2]} = "{name}";\n'
            for name in sorted(names)
        )
        classes.append(f"    public static final class {java_name} {{\n{constants}    }}\n")
    return f"package android;\n\npublic final class Manifest {{\n{''.join(classes)}}}\n"
