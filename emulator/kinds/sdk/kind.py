"""AVDs of the Android SDK: a run starts a copy of one without a window, here or on another machine."""

from __future__ import annotations

import re

from emulator.adb.client import AdbClient
from emulator.base.controller import Controller, close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, UsageError
from emulator.base.progress import report, step
from emulator.cache.run_directory import run_directory
from emulator.cache.store import fingerprint
from emulator.host.host import Host, on
from emulator.host.opening import open_host
from emulator.kinds.sdk.avd import Avd, find_avd
from emulator.kinds.sdk.copy import AvdCopy, held_unchanged, removed_at_the_end
from emulator.kinds.sdk.device import AvdDevice, Emulator, boot_once, find_emulator, take_console_port
from emulator.kinds.sdk.program import emulator_program, list_avds, qemu_img
from emulator.target import HOST, DeviceKind, Offer, Option, Target, on_host

SYSTEM_IMAGE = "image.sysdir.1"


def open_avd(target: Target, deadline: Deadline | None = None) -> AvdDevice:
    """Start a copy of an AVD and wait until Android on it is up.

    That may take 300 s, or 600 s where the AVD has never booted, or 1800 s without acceleration. Raises
    UsageError for an AVD or a snapshot that does not exist, HarnessError for an AVD that an emulator of the
    user's runs.
    """
    with close_on_failure() as resources:
        host = resources.enter_context(open_host(target.option("host")))
        emulator = find_emulator(host)
        snapshot = target.option("snapshot")
        avd = _existing(emulator, target.name, snapshot)
        if avd.user_build:
            report(
                f"{avd.name} has the Play Store: its image is a user build, on which nobody becomes root; "
                "what needs root is not testable. `binder-harness get avd` gets one that can be rooted."
            )
        AdbClient().ensure_server()
        if not avd.booted and not snapshot:
            avd = _after_its_first_boot(emulator, avd, target)
        directory = resources.enter_context(run_directory())
        resources.enter_context(held_unchanged(host, avd, directory / "lock.log"))
        port = take_console_port(host, resources)
        home = f"{host.directory}/avds/{port}"  # ours as long as the port is
        resources.enter_context(removed_at_the_end(host, home))
        overlays = qemu_img(host, emulator.program)
        if overlays is None and not snapshot:
            report(f"the AVD's disks are copied whole: there is no qemu-img{_on(host)} (Debian: qemu-utils)")
        copy = AvdCopy(host, avd, home, snapshot, overlays)
        copied = copy.make()
        device = AvdDevice(
            str(target),
            emulator,
            copied,
            port,
            directory / "emulator.log",
            resources,
            snapshot=snapshot,
            # A snapshot holds the disks, too: starting from it rolls them back (QEMU, load_snapshot).
            **({} if snapshot else {"renew": copy.make}),
        )
        with step(f"starting {target}"):
            device.start(deadline or Deadline(emulator.start_seconds(booted=avd.booted)))
    return device


def _existing(emulator: Emulator, name: str, snapshot: str) -> Avd:
    names = list_avds(emulator.host, emulator.program)
    if name not in names:
        raise UsageError(f"There is no AVD {name!r}. {_choice(emulator.host, names)}")
    avd = find_avd(emulator.host, name)
    if snapshot and snapshot not in avd.snapshots:
        valid = ", ".join(avd.snapshots) or "none"
        raise UsageError(f"The AVD {name} has no snapshot {snapshot!r}. Its snapshots: {valid}.")
    return avd


def _after_its_first_boot(emulator: Emulator, avd: Avd, target: Target) -> Avd:
    """A copy of the AVD that has booted, where the user wants one kept; otherwise the AVD itself."""
    host = emulator.host
    minutes = emulator.start_seconds(booted=False) / 60
    if target.option("first_boot") != "keep":
        report(
            f"{avd.name} has never booted to the end, so each run boots it for the first time, for up to "
            f"{minutes:.0f} minutes; the option first_boot=keep keeps a booted copy for the next runs"
        )
        return avd
    key = fingerprint(avd.directory)[:16]
    copy = AvdCopy(host, avd, f"{host.directory}/booted-avds/{avd.name}-{key}")
    with host.lock(f"booted-avd-{key}"), run_directory() as directory:
        kept = copy.made()
        if kept is None or not kept.booted or kept.config.get(SYSTEM_IMAGE) != avd.config.get(SYSTEM_IMAGE):
            with held_unchanged(host, avd, directory / "lock.log"):
                kept = copy.make()
            boot_once(emulator, kept)
        return copy.made() or kept


def _choice(host: Host, names: list[str]) -> str:
    if not names:
        return f"There are none yet{_on(host)}: `binder-harness get avd` gets one; so does Android Studio."
    return "There are:\n" + "\n".join(f"  {on_host(f'avd:{name}', host)}" for name in names)


def _on(host: Host) -> str:
    return on(host) or " here"


def _open(target: Target, deadline: Deadline | None) -> Controller:
    return open_avd(target, deadline)


def _offers(host: Host) -> list[Offer]:
    try:
        names = list_avds(host, emulator_program(host))
    except SetupError as error:
        return [Offer(KIND.name, False, str(error))]
    if not names:
        return [Offer(KIND.name, False, _choice(host, names))]
    return [Offer(on_host(f"{KIND.name}:{name}", host), True, "an AVD of the Android SDK") for name in names]


KIND = DeviceKind(
    "avd",
    "an AVD of the Android SDK: a copy of it, started without a window; the AVD itself is never started",
    (
        Option(
            "snapshot",
            "the snapshot of the AVD to start and roll back from, such as Quick Boot's default_boot; "
            "without it, the AVD boots",
            "",
            lambda text: re.fullmatch(r"[\w.-]+", text) is not None,
            "the name of one of the AVD's snapshots",
        ),
        Option(
            "first_boot",
            "what becomes of the minutes-long first boot of an AVD that has never booted: kept, for the next "
            "runs, or done in each run",
            "discard",
            lambda text: text in ("discard", "keep"),
            "discard or keep",
        ),
        HOST,
    ),
    _open,
    _offers,
    names="NAME",
    name_required=True,
)
