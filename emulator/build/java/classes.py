"""AOSP's framework in Java, compiled for OpenJDK: `framework.jar`."""

from __future__ import annotations

import logging
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.progress import report
from emulator.build.java.critical_natives import critical_natives
from emulator.build.java.descriptors import redirect_descriptors
from emulator.build.java.generated import AIDL_STUBS, generate
from emulator.build.java.release import JavaRelease
from emulator.build.java.sources import (
    CLEANER,
    LIBCORE_DIRECTORIES,
    FrameworkSources,
    compiler_jar,
    own_jdk,
    source_identity,
    unpacked_framework,
)
from emulator.cache.store import entry, fingerprint

ABSENT = "absent"
"""The agent's directory with constants and types that AOSP's Java uses and Debian has no source of."""
_RECIPE = (
    "absent_modules",
    "critical_natives",
    "descriptors",
    "event_log_tags",
    "generated",
    "old_aidl",
    "proto_constants",
    "release",
    "sources",
)
"""The modules beside this one that decide what is compiled."""
CRITICAL_NATIVES = "include/critical_natives.inc"
FRAMEWORK_JAR = "root/system/java/framework.jar"
COMPILE_SECONDS = 1200.0
OPTIONS = (
    *("-encoding", "UTF-8", "-g:lines,source", "-proc:none"),
    # Without the module jdk.unsupported, whose package sun.misc libcore's Cleaner has.
    *("--limit-modules", "java.base,java.xml,java.logging,java.sql"),
)
_ABOUT = (
    r"(?:The import |The method |Type mismatch: cannot convert from )?(?:[a-z]\w*\.)*(?:{})"
    r"(?:\(.*\)| cannot be resolved| to \w+$).*"
)
"""Messages of the compiler's about one of these names."""
_ERROR = re.compile(r"^\d+\. ERROR in (\S+) \(at line (\d+)\)\n(?:\t.*\n)+(.*)$", re.MULTILINE)


def framework_classes(release: JavaRelease) -> Path:
    """`root` with a release's framework.jar, and `include` for its natives; two minutes for two processors.

    They are the same for every architecture. Raises SetupError where a class of `release.clean` has an error.
    """
    java, compiler = own_jdk() / "bin/java", compiler_jar()

    def build(target: Path) -> None:
        with unpacked_framework(release, target.parent) as sources:
            redirect_descriptors([sources.base, sources.libcore])
            made = sources.base.with_name("generated")
            generate(release, sources, made)
            classes = sources.base.with_name("classes")
            files = [*_java_files(release, sources), *_below(made)]
            report(f"compiling {len(files):,} files of AOSP's Java, half a minute to two minutes")
            check(release, compile_java(release, java, compiler, files, classes), classes)
            inc = target / CRITICAL_NATIVES
            inc.parent.mkdir(parents=True)
            inc.write_text(critical_natives(sources.base / "core/java"))
            write_jar(classes, target / FRAMEWORK_JAR)

    recipe = [Path(__file__).with_name(f"{name}.py") for name in _RECIPE]
    own = [*release.of_agent(AIDL_STUBS), *release.of_agent(ABSENT)]
    key = fingerprint(source_identity(release), str(compiler), *own, Path(__file__), *recipe)
    return entry(f"framework-java-{release.number}", key, build)


def _java_files(release: JavaRelease, sources: FrameworkSources) -> list[Path]:
    directories = [
        *(sources.base / name for name in release.java_directories),
        *(sources.libcore / name for name in LIBCORE_DIRECTORIES),
    ]
    own = [(directory, _below(directory)) for directory in release.of_agent(ABSENT)]
    names = {file.relative_to(directory) for directory, files in own for file in files}
    borrowed = sources.borrowed / "core/java"
    return [
        *_below(*directories),
        sources.libcore / CLEANER,
        *(file for _, files in own for file in files),
        *(file for file in _below(borrowed) if file.relative_to(borrowed) not in names),
    ]


def _below(*directories: Path) -> list[Path]:
    return [file for directory in directories for file in sorted(directory.rglob("*.java"))]


def compile_java(
    release: JavaRelease,
    java: Path,
    compiler: Path,
    files: Iterable[Path],
    output: Path,
    *,
    classpath: Sequence[Path] = (),
) -> str:
    """Compile with ECJ and return what it reports; a method with an error throws that when it is called."""
    arguments = output.with_name(f"{output.name}.arguments")
    arguments.write_text("".join(f'"{file}"\n' for file in files))
    log = output.with_name(f"{output.name}.log")
    command: list[str | Path] = [java, "-Xmx3g", "-XX:+UseParallelGC", "-cp", compiler]
    command += ["org.eclipse.jdt.internal.compiler.batch.Main", *OPTIONS, "-nowarn", "-proceedOnError"]
    command += ["-source", release.language, "-target", release.language]
    command += ["-maxProblems", "100000", "-d", output, "-log", log]
    if classpath:
        command += ["-cp", os.pathsep.join(map(str, classpath))]
    # It fails where there is any error; what matters of them, its callers know.
    script = '"$@" >"$0.output" 2>&1; test -s "$0" || { tail -n 5 "$0.output"; exit 1; }'
    run(["sh", "-c", script, log, *command, f"@{arguments}"], seconds=COMPILE_SECONDS)
    return log.read_text(errors="replace")


def check(release: JavaRelease, log: str, classes: Path) -> None:
    """Raise SetupError where a class that matters is missing, or has an error that it must not have."""
    wrong = [
        f"{name} is missing"
        for name in (*release.clean, *release.clean_but_for_absent)
        if not (classes / f"{name}.class").exists()
    ]
    found = errors(log)
    absent = re.compile(_ABOUT.format("|".join(map(re.escape, release.absent))))
    for name in (*release.clean, *release.clean_but_for_absent):
        for line, message in found.get(name, ()):
            if name in release.clean or not absent.fullmatch(message):
                wrong.append(f"{name}, line {line}: {message}")
    logging.getLogger(__name__).info(
        "errors by class: %s", Counter({name: len(of) for name, of in found.items()})
    )
    if wrong:
        raise SetupError(
            "\n".join(["AOSP's Java does not compile as it did for Binder harness:", *wrong[:20]])
        )


def errors(log: str) -> dict[str, list[tuple[int, str]]]:
    """The errors that ECJ reports, line and message, by the name of the class that the file has."""
    found: dict[str, list[tuple[int, str]]] = {}
    for file, line, message in _ERROR.findall(log):
        name = re.sub(r"^.*?/(?=(?:android|com|libcore|dalvik|org|sun)/)", "", file.removesuffix(".java"))
        found.setdefault(name, []).append((int(line), message))
    return found


def write_jar(classes: Path, jar: Path) -> None:
    """Write a jar with no times in it, and with the time 0: a class data archive checks no other."""
    jar.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(classes.rglob("*.class")):
            archive.writestr(
                zipfile.ZipInfo(str(file.relative_to(classes))), file.read_bytes(), zipfile.ZIP_DEFLATED
            )
    os.utime(jar, (0, 0))
