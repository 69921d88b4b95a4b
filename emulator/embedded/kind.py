"""Declares the target `embedded`: what may be written for it, and what it needs, without what runs it."""

from __future__ import annotations

from emulator.deadline import Deadline
from emulator.host_address import is_host
from emulator.lifeline import LifeLine
from emulator.prerequisites import install_command, missing
from emulator.target import Kind, Offer, Option, Target, whole_number


def _open(target: Target, deadline: Deadline | None) -> LifeLine:
    if target.option("host"):
        from emulator.remote import open_remote

        return open_remote(target, deadline)
    from emulator.embedded.device import open_embedded

    return open_embedded(target, deadline)


def _offers() -> list[Offer]:
    absent = [prerequisite.package for prerequisite in missing()]
    detail = f"lacks programs; mend it: {install_command(absent)}" if absent else KIND.summary
    return [Offer(KIND.name, not absent, detail)]


KIND = Kind(
    "embedded",
    "Debian's kernel and AOSP's adbd in QEMU, made and started by this project",
    (
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
        Option(
            "host",
            "the machine to run on, reached over SSH; without it, this one",
            "",
            is_host,
            "ssh://USER@HOST or ssh://USER@HOST:PORT",
        ),
    ),
    _open,
    _offers,
)
