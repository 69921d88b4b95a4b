"""The agent in Java for devices with ART, as the dex file that ART runs: compiled here, converted by dx."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from emulator.base.architecture import DEFAULT
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.build.java.classes import (
    FRAMEWORK_JAR,
    compile_java,
    errors,
    framework_classes,
    write_jar,
)
from emulator.build.java.release import AGENT, JAVA_10
from emulator.build.java.sources import compiler_jar, own_jdk
from emulator.cache.packages import unpack, version_in
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

DX_PACKAGE = "dalvik-exchange"
DX_JAR = "usr/share/java/com.android.dx.jar"
DX_SUITES = ("bullseye",)
"""Debian 11: later releases have neither dx nor d8, which follows it."""
LANGUAGE = "1.8"
"""The latest version of Java that dx converts."""
API_LEVEL = 25
"""The least that the dex file is for: from 26 on, dx would let lambdas pass, which ART does not run."""
SHARED, ON_ART = AGENT / "shared", AGENT / "art"
CLASSES_JAR, DEX_JAR = "classes.jar", "agent_on_art.jar"
BUILD_SECONDS = 300.0


def agent_on_art() -> Path:
    """A jar with the agent's `classes.dex`, 11 KB; `classes.jar` beside it has its classes, for OpenJDK.

    They are compiled against Android 10's framework, which is compiled first (`framework_classes`). Raises
    SetupError where this machine's mirror has no Debian 11.
    """
    framework, dx = framework_classes(JAVA_10) / FRAMEWORK_JAR, _dx()
    java = own_jdk() / "bin/java"

    def build(target: Path) -> None:
        with scratch_directory(target.parent) as scratch:
            classes = scratch / "classes"
            files = sorted(file for directory in (SHARED, ON_ART) for file in directory.rglob("*.java"))
            release = replace(JAVA_10, language=LANGUAGE)
            log = compile_java(release, java, compiler_jar(), files, classes, classpath=[framework])
            if errors(log):
                raise SetupError(f"The agent in Java does not compile:\n{log}")
            write_jar(classes, target / CLASSES_JAR)
            dex = scratch / "classes.dex"
            convert(classes, dex)
            with zipfile.ZipFile(target / DEX_JAR, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(zipfile.ZipInfo(dex.name), dex.read_bytes(), zipfile.ZIP_DEFLATED)

    key = fingerprint(str(framework), str(dx), str(compiler_jar()), SHARED, ON_ART, Path(__file__))
    return entry("agent-on-art", key, build) / DEX_JAR


def convert(classes: Path, dex: Path) -> None:
    """Convert the classes in a directory; SetupError for a lambda, or anything else that dx refuses."""
    command: list[str | Path] = [own_jdk() / "bin/java", "-cp", _dx(), "com.android.dx.command.Main", "--dex"]
    run([*command, f"--min-sdk-version={API_LEVEL}", f"--output={dex}", classes], seconds=BUILD_SECONDS)


def _dx() -> Path:
    version = version_in(DX_PACKAGE, lambda index: index.version(DX_PACKAGE), suites=DX_SUITES)
    if version is None:
        raise SetupError(
            f"This machine's mirror of Debian has no {DX_PACKAGE} in {DX_SUITES[0]}, which converts Java for "
            "Android's own virtual machine."
        )

    def build(target: Path) -> None:
        with scratch_directory(target.parent) as scratch:
            unpack(DX_PACKAGE, [f"{DX_PACKAGE}={version}"], scratch, DEFAULT, DX_SUITES)
            shutil.copy(scratch / DX_JAR, target / "dx.jar")  # what is a link there

    return entry(DX_PACKAGE, fingerprint(DX_PACKAGE, version), build) / "dx.jar"
