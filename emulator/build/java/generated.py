"""Java that Android's build generates: interfaces from AIDL, and classes of constants from other files."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulator.base.command import run
from emulator.base.progress import report
from emulator.build.java.event_log_tags import write_event_log_tags
from emulator.build.java.proto_constants import write_proto_constants
from emulator.build.java.release import JavaRelease
from emulator.build.java.sources import FrameworkSources

AIDL_STUBS = "aidl"
"""The agent's directory with declarations of what interfaces name and Debian has no source of."""
_INTERFACE = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s*)*(?:oneway\s+)?interface\s", re.MULTILINE)
AIDL_SECONDS = 60.0
ATTRIBUTE = "{http://schemas.android.com/apk/res/android}name"


def generate(release: JavaRelease, sources: FrameworkSources, output: Path) -> None:
    """Write into `output` what frameworks/base needs in addition to its own Java."""
    output.mkdir()
    _write_interfaces(release, sources, output)
    write_event_log_tags(sources.base / "core/java", output)
    write_proto_constants([sources.base / "core/proto", sources.base / "proto"], output)
    manifest = (sources.base / "core/res/AndroidManifest.xml").read_text()
    (output / "android/Manifest.java").write_text(manifest_class(manifest))


def _write_interfaces(release: JavaRelease, sources: FrameworkSources, output: Path) -> None:
    directories = [
        *(sources.base / name for name in release.java_directories),
        *(sources.native / name for name in release.aidl_directories),
        *release.of_agent(AIDL_STUBS),
    ]
    includes = [f"-I{directory}" for directory in directories]
    files = [file for directory in directories for file in sorted(directory.rglob("*.aidl"))]
    interfaces = [file for file in files if _INTERFACE.search(file.read_text())]
    report(f"generating the Java of {len(interfaces)} AIDL interfaces")

    def generate_one(file: Path) -> None:
        command: list[str | Path] = [
            "aidl",
            "--lang=java",
            "--transaction_names",
            *includes,
            "-o",
            output,
            file,
        ]
        run(command, seconds=AIDL_SECONDS)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(generate_one, interfaces))


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
