"""Declares the target `embedded`, its options and its needs, without importing what runs it."""

from __future__ import annotations

import os.path

from emulator.base.architecture import BY_TARGET_NAME, DEFAULT, X86_64
from emulator.base.controller import Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from emulator.base.prerequisites import install_command, missing
from emulator.build.generation import DEFAULT_GENERATION, GENERATIONS
from emulator.build.java.release import JAVA_RELEASES
from emulator.cache.room import room_in
from emulator.cache.root import cache_root
from emulator.embedded.kernel.debian_kernels import (
    BUILT_HERE,
    DEFAULT_PAGES,
    DEFAULT_VERSION,
    FIRST_WITH_RUST,
    PAGES,
    RUST_VERSION,
    SERIES,
    is_debians,
    numbers_in,
)
from emulator.embedded.strict import (
    IMPLIED,
    NO_JAVA,
    NO_USERLAND,
    OPEN,
    PROPERTIES,
    RUST,
    build_type,
    has_java,
    in_rust,
    option,
)
from emulator.host.host import Host, absence
from emulator.target import HOST, DeviceKind, Offer, Option, Target, on_host, whole_number

LEAST_WITH_JAVA = 384
"""MiB of memory for a device with Java: its files take 76 MiB, and as much again while it boots."""


def _is_kernel(text: str) -> bool:
    return is_debians(text) or "/" in text or os.path.isfile(text)


def _check(target: Target) -> None:
    kernel = option(target, "kernel")
    architecture = BY_TARGET_NAME[target.option("arch")]
    if build_type(target) is not None and SERIES.fullmatch(kernel):
        raise UsageError(
            f"Debian's kernel {kernel} has no binderfs, which a phone has. Remove kernel={kernel}, give "
            f"kernel={BUILT_HERE}, or the path of a kernel of your own."
        )
    if kernel == BUILT_HERE and (architecture is not X86_64 or target.option("pages") != DEFAULT_PAGES):
        other = "choose one of Debian's kernels"
        if build_type(target) is not None:  # which have no binderfs
            other = "give kernel=PATH, a kernel of your own that has binderfs and SELinux"
        raise UsageError(
            f"{BUILT_HERE} is built for x86_64 with pages of 4 KiB alone. Remove `arch` and `pages` from the "
            f"target, or {other}."
        )
    if kernel == BUILT_HERE and in_rust(target):
        raise UsageError(
            f"{BUILT_HERE} has the driver in C. Choose one of Debian's kernels, such as {RUST_VERSION}."
        )
    if SERIES.fullmatch(kernel) and in_rust(target) and numbers_in(kernel) < numbers_in(FIRST_WITH_RUST):
        raise UsageError(
            f"Linux {kernel} has Binder's driver in C alone: the one in Rust came with {FIRST_WITH_RUST}. "
            f"Remove kernel={kernel}, so that it is {RUST_VERSION}, or give a newer series."
        )
    if is_debians(kernel) and architecture is X86_64 and target.option("pages") != DEFAULT_PAGES:
        raise UsageError("Only kernels for arm64 have pages of 16 KiB. Add arch=arm64 to the target.")
    if not is_debians(kernel) and not os.path.isfile(kernel):  # a name too long is none, too
        raise UsageError(
            f"There is no file {kernel}, which {target} names as its kernel. Give the path of a kernel image."
        )
    if has_java(target):
        _check_java(target)
    if target.option("userland") == NO_USERLAND and option(target, "managers") == "all":
        raise UsageError(
            "userland=none leaves out the program that managers=all starts, which android=… implies. Remove "
            "one of the options."
        )


def _check_java(target: Target) -> None:
    release = target.option("java")
    if option(target, "userland") != release:
        raise UsageError(
            f"Java of Android {release} calls the servicemanager of that release. Remove `userland` from the "
            "target."
        )
    if build_type(target) is not None:
        raise UsageError("A device as strict as a phone has no Java here. Remove `java` or `android`.")
    if int(target.option("memory")) < LEAST_WITH_JAVA:
        raise UsageError(
            f"A device with Java needs {LEAST_WITH_JAVA} MiB of memory. Remove `memory`, or give "
            f"memory={LEAST_WITH_JAVA} or more."
        )


def _open(target: Target, deadline: Deadline | None) -> Controller:
    from emulator.embedded.device import open_embedded, open_remote

    with room_in(cache_root()):
        return (open_remote if target.option("host") else open_embedded)(target, deadline)


def _offers(host: Host) -> list[Offer]:
    absent = [prerequisite.package for prerequisite in missing()]
    problem = f"programs are missing; install them: {install_command(absent)}" if absent else ""
    if host.address:
        problem = problem or absence(host, DEFAULT.qemu_program)
    return [Offer(on_host(KIND.name, host), not problem, problem or KIND.summary)]


KIND = DeviceKind(
    "embedded",
    "Debian's kernel and AOSP's adbd in QEMU, made and started by this project",
    (
        Option(
            "kernel",
            "a series of Debian's kernels, from the first suite of the machine's mirror that has it "
            "(`devices --kernels` lists them); debian-source, a small one built here with binderfs; or your "
            "own, a bzImage, vmlinux or arm64 Image with its modules in a lib/modules beside or above it, or "
            "with Binder and virtio built in",
            DEFAULT_VERSION,
            _is_kernel,
            f"a series such as 6.1, 6.12-rt or 7.3, {BUILT_HERE}, or the path of an image",
        ),
        Option(
            "driver",
            f"Binder's driver, in C or in Rust; rust implies kernel={RUST_VERSION}, for which it is built as "
            "a module at the first use; in a kernel of your own, it is built in or beside the other modules",
            "c",
            ("c", RUST).__contains__,
            "c or rust",
        ),
        Option(
            "append",
            "further arguments for the kernel, such as binder.debug_mask=0x7",
            "",
            str.isprintable,
            "printable text",
        ),
        Option(
            "arch",
            "architecture of the device",
            DEFAULT.target_name,
            BY_TARGET_NAME.__contains__,
            " or ".join(BY_TARGET_NAME),
        ),
        Option(
            "pages",
            "page size of its kernel; 16k needs arch=arm64",
            DEFAULT_PAGES,
            PAGES.__contains__,
            " or ".join(PAGES),
        ),
        Option(
            "userland",
            "generation of AOSP's libbinder, servicemanager, service, cmd and dumpsys, by its release of "
            "Android (10's servicemanager is in C); others than 11 are built at the first use; none for no "
            "servicemanager",
            str(DEFAULT_GENERATION.number),
            (*map(str, GENERATIONS), NO_USERLAND).__contains__,
            f"{', '.join(map(str, GENERATIONS))} or {NO_USERLAND}",
        ),
        Option(
            "java",
            "release of AOSP's framework in Java that is on the device, with OpenJDK; implies the same "
            "userland, and is compiled at the first use, in three minutes",
            NO_JAVA,
            (*map(str, JAVA_RELEASES), NO_JAVA).__contains__,
            f"{', '.join(map(str, JAVA_RELEASES))} or {NO_JAVA}",
        ),
        Option(
            "managers",
            "which binder devices have a context manager: binder alone, or all three, as on a phone",
            "binder",
            ("binder", "all").__contains__,
            "binder or all",
        ),
        Option(
            "android",
            "a device as strict as a phone with such a build of Android: SELinux enforces, only adbd starts "
            f"programs; implies kernel={IMPLIED['kernel']} and managers={IMPLIED['managers']}",
            OPEN,
            (OPEN, *PROPERTIES).__contains__,
            "user, userdebug or none",
        ),
        Option(
            "start",
            "warm: from a snapshot, made at the first start; cold: by booting",
            "warm",
            ("warm", "cold").__contains__,
            "warm or cold",
        ),
        Option("memory", "memory in MiB", "512", whole_number(192, 65536), "192 to 65536"),
        Option("processors", "virtual processors", "2", whole_number(1, 64), "1 to 64"),
        Option(
            "acceleration",
            "how QEMU runs the guest; auto uses KVM where a trial boot of this kernel succeeds",
            "auto",
            ("auto", "kvm", "tcg").__contains__,
            "auto, kvm or tcg",
        ),
        HOST,
    ),
    _open,
    _offers,
    check=_check,
    clones=lambda target: target.option("start") == "warm" and "host" not in target.given,
)
