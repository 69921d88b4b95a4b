"""Declares the target `embedded`: what may be written for it, and what it needs, without what runs it."""

from __future__ import annotations

from pathlib import Path

from emulator.base.controller import Controller
from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from emulator.base.prerequisites import install_command, missing
from emulator.embedded.kernel.choice import MACHINES, PAGES, VERSIONS, debian_package
from emulator.embedded.qemu.board import BOARDS
from emulator.host.host import Host, absence
from emulator.target import HOST, DeviceKind, Offer, Option, Target, on_host, whole_number


def _is_kernel(text: str) -> bool:
    return text in VERSIONS or "/" in text or Path(text).is_file()


def _check(target: Target) -> None:
    kernel = target.option("kernel")
    if kernel in VERSIONS:
        debian_package(kernel, target.option("arch"), target.option("pages"))
    elif not Path(kernel).is_file():
        raise UsageError(f"There is no file {kernel} that could be the kernel of {target}.")


def _open(target: Target, deadline: Deadline | None) -> Controller:
    if target.option("host"):
        from emulator.embedded.remote import open_remote

        return open_remote(target, deadline)
    from emulator.embedded.device import open_embedded

    return open_embedded(target, deadline)


def _offers(host: Host) -> list[Offer]:
    absent = [prerequisite.package for prerequisite in missing()]
    problem = f"lacks programs; fix it: {install_command(absent)}" if absent else ""
    if host.address:
        problem = problem or absence(host, BOARDS["x86_64"].program)
    return [Offer(on_host(KIND.name, host), not problem, problem or KIND.summary)]


KIND = DeviceKind(
    "embedded",
    "Debian's kernel and AOSP's adbd in QEMU, made and started by this project",
    (
        Option(
            "kernel",
            "a series of Debian's kernels, or your own: a bzImage, vmlinux or arm64 Image, its modules in a "
            "lib/modules beside or above it, or Binder and virtio built in",
            "6.12",
            _is_kernel,
            f"{', '.join(VERSIONS)}, or the path of an image",
        ),
        Option(
            "arch",
            "architecture of the device",
            "x86_64",
            MACHINES.__contains__,
            " or ".join(MACHINES),
        ),
        Option(
            "pages",
            "page size of its kernel; 16k is for arm64",
            "4k",
            PAGES.__contains__,
            " or ".join(PAGES),
        ),
        Option(
            "userland",
            "generation of AOSP's servicemanager on /dev/binder: Android 11's, Android 10's (in C), or none",
            "11",
            ("11", "10", "none").__contains__,
            "11, 10 or none",
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
            "how QEMU runs the guest; auto uses KVM where a trial shows that it can run this kernel",
            "auto",
            ("auto", "kvm", "tcg").__contains__,
            "auto, kvm or tcg",
        ),
        HOST,
    ),
    _open,
    _offers,
    check=_check,
)
