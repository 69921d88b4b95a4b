"""What a device needs to run AOSP's framework: OpenJDK's run-time image, natives, and the agent in Java."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from emulator.base.architecture import Architecture
from emulator.base.command import run
from emulator.base.errors import SetupError
from emulator.base.progress import report
from emulator.build.agents import SOURCES
from emulator.build.clang import clang, identity
from emulator.build.java.broadcast_queue import RECIPE as QUEUE_RECIPE
from emulator.build.java.broadcast_queue import broadcast_queue
from emulator.build.java.classes import (
    CRITICAL_NATIVES,
    FRAMEWORK_JAR,
    compile_java,
    errors,
    framework_classes,
    write_jar,
)
from emulator.build.java.foreign import runs_here
from emulator.build.java.release import AGENT, JavaRelease
from emulator.build.java.sources import (
    compiler_jar,
    jdk,
    library_packages,
    own_jdk,
    source_identity,
    unpacked_framework,
)
from emulator.build.sources import source_packages, unpacked_sources
from emulator.cache.scratch import scratch_directory
from emulator.cache.store import entry, fingerprint

NATIVE = AGENT / "native"
INTERFACES = SOURCES / "aosp" / "interfaces.cmake"
"""How the natives' recipe generates libbinder's interfaces, as that of the user space does."""
DIRECTORY = "root/system/java"
RUNTIME = "libandroid_runtime.so"
MODULES = "java.base,java.xml,java.logging"
LINK_OPTIONS = (
    # Its natives have no debugging information; --strip-debug would have this machine's objcopy look for it.
    "--strip-java-debug-attributes",
    "--no-header-files",
    "--no-man-pages",
    "--compress=2",
)
LIBRARIES = (
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
    "libz.so.1",
)
"""What OpenJDK and the natives are linked with, and the device, whose programs are static, does not have."""
BUILD_SECONDS = 1200.0
PROPERTY = "ro.binder_harness.java"
"""The embedded device's property with the release of the Java that is on it."""
CLASS_PATH = "-Xbootclasspath/a:framework.jar:agent.jar"
"""Relative to the directory that the agent is started in: the class data archive holds these names."""


def java_roots(release: JavaRelease, architecture: Architecture) -> tuple[Path, ...]:
    """Directories laid out as the device's file system: 76 MB, in /system/java and where glibc looks.

    The first call compiles for up to three minutes on two processors and downloads 200 MB.
    """
    classes = framework_classes(release)
    agent = _agent_root(release, architecture, classes)
    return classes / "root", _java_root(architecture) / "root", agent / "root"


def _java_root(architecture: Architecture) -> Path:
    """OpenJDK with the modules that AOSP's classes use, and its C libraries."""
    tools, packages = jdk(architecture), library_packages(architecture)

    def build(target: Path) -> None:
        java = target / DIRECTORY
        java.parent.mkdir(parents=True)
        report("linking OpenJDK's run-time image")
        command: list[str | Path] = [own_jdk() / "bin/jlink", "--module-path", tools / "jmods"]
        command += ["--add-modules", MODULES, *LINK_OPTIONS, "--output", java]
        run(command, seconds=BUILD_SECONDS)
        shutil.rmtree(java / "legal")
        libraries = f"lib/{architecture.gnu_triplet}"
        (target / "root" / libraries).mkdir(parents=True)
        for name in LIBRARIES:
            found = next(
                path
                for path in (packages / libraries, packages / "usr" / libraries)
                if (path / name).exists()
            )
            shutil.copy(found / name, target / "root" / libraries / name)
        loader = _loader(java / "bin/java")
        (target / "root" / loader).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(packages / loader, target / "root" / loader)

    # Their paths hold the versions of their packages.
    key = fingerprint(str(tools), str(own_jdk()), str(packages), MODULES, *LIBRARIES, Path(__file__))
    return entry(f"java-{architecture}", key, build)


def _loader(program: Path) -> str:
    """The path of the dynamic linker that a program names, without the slash."""
    content = program.read_bytes()
    start = content.index(b"/lib")  # its segment PT_INTERP comes first
    return content[start : content.index(b"\0", start)].decode("ascii").lstrip("/")


def _agent_root(release: JavaRelease, architecture: Architecture, classes: Path) -> Path:
    """The agent, and the class data of what it uses: without that, its start takes three times as long."""
    java = _java_root(architecture) / DIRECTORY / "bin/java"
    here, natives = runs_here(architecture), _native_runtime(release, architecture, classes)
    compiler, framework = compiler_jar(), classes / FRAMEWORK_JAR
    sources = [*release.of_agent("shared"), *release.of_agent("java")]

    def build(target: Path) -> None:
        output = target / DIRECTORY
        output.mkdir(parents=True)
        # Looked for here alone, not at each start: where it cannot be had, that takes seconds or a network.
        directories = [*sources, *broadcast_queue(release)]
        with scratch_directory(target.parent) as scratch:
            log = compile_java(
                release,
                own_jdk() / "bin/java",
                compiler,
                [file for directory in directories for file in sorted(directory.rglob("*.java"))],
                scratch / "classes",
                classpath=[framework],
            )
            if errors(log):
                raise SetupError(f"The agent in Java does not compile:\n{log}")
            write_jar(scratch / "classes", output / "agent.jar")
        shutil.copy(natives / RUNTIME, output / RUNTIME)
        _write_class_data([*here, java], framework, output)

    recipe = (*sources, *QUEUE_RECIPE, Path(__file__))
    key = fingerprint(str(java), *map(str, here), str(natives), str(classes), *recipe)
    return entry(f"java-agent-{release.number}-{architecture}", key, build)


def _write_class_data(java: Sequence[str | Path], framework: Path, directory: Path) -> None:
    """Have the agent rehearse without a binder device, and archive the classes that it loaded."""
    link = directory / framework.name
    link.symlink_to(framework)
    classes = directory / "classes.list"
    common: list[str | Path] = [*java, "-Xmx64m", CLASS_PATH]
    rehearse = [f"-XX:DumpLoadedClassList={classes}", f"-Dharness.runtime={directory / RUNTIME}"]
    rehearse += ["harness.agent.Agent", "--rehearse"]
    run([*common, "-Xshare:off", *rehearse], directory=directory, seconds=BUILD_SECONDS)
    dump = ["-Xshare:dump", f"-XX:SharedClassListFile={classes}", "-XX:SharedArchiveFile=agent.jsa"]
    run([*common, *dump], directory=directory, seconds=BUILD_SECONDS)
    classes.unlink()
    link.unlink()


def _native_runtime(release: JavaRelease, architecture: Architecture, classes: Path) -> Path:
    """libandroid_runtime.so: AOSP's natives and its libbinder."""

    def build(target: Path) -> None:
        with (
            unpacked_sources(release.generation) as source,
            unpacked_framework(release, target.parent) as sources,
        ):
            variables = {
                "CMAKE_C_COMPILER": ";".join(clang("clang", architecture, shared=True)),
                "CMAKE_CXX_COMPILER": ";".join(clang("clang++", architecture, shared=True)),
                "RELEASE": str(release.number),
                "SOURCE": source,
                "BASE": sources.base,
                "LIBCORE": sources.libcore,
                "CRITICAL_NATIVES": (classes / CRITICAL_NATIVES).parent,
            }
            output = sources.base.with_name("built")
            definitions = [f"-D{name}={value}" for name, value in variables.items()]
            run(["cmake", "-S", NATIVE, "-B", output, "-G", "Ninja", *definitions], seconds=BUILD_SECONDS)
            report("building AOSP's natives, half a minute to a minute")
            run(["ninja", "-C", output, f"-j{os.cpu_count() or 1}"], seconds=BUILD_SECONDS)
            shutil.copy(output / RUNTIME, target / RUNTIME)

    packages = [package.name for package in source_packages(release.generation)]
    critical = classes / CRITICAL_NATIVES
    recipe = [*release.of_agent("native"), INTERFACES]
    key = fingerprint(
        *packages, source_identity(release), critical, *recipe, identity(architecture, shared=True)
    )
    return entry(f"android-runtime-{release.number}-{architecture}", key, build)
