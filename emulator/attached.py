"""A device that adb reaches already: used as it is, left as it was, rooted or restarted only when allowed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

from emulator.adb_devices import (
    GONE,
    REACHED,
    connect,
    disconnect,
    explain,
    is_address,
    listed,
    state_of,
    wait_until_reached,
)
from emulator.adb_server import ensure_adb_server
from emulator.adb_services import become_root, become_shell, restart
from emulator.deadline import Deadline
from emulator.device_lock import device_lock
from emulator.errors import DeviceLostError, HarnessError, SetupError, UsageError
from emulator.host import Host
from emulator.lifeline import LifeLine, handed_over
from emulator.progress import step
from emulator.target import START_SECONDS, Kind, Offer, Option, Target

SETTLES_WITHIN = 10.0
"""Seconds within which a device that adb has just found offline, or is connecting to, may still answer."""
ALLOWED = "allowed"
PASSING = ("offline", "connecting", "authorizing")

_used: set[str] = set()
"""Serials that this process has used: one that is lost and asked for again may be on its way back."""


class AttachedDevice:
    """The life line of a device that somebody else started."""

    disposable = False

    def __init__(self, target: Target, serial: str, resources: contextlib.ExitStack) -> None:
        self.target = str(target)
        self.serial = serial
        self._root = target.option("root") == ALLOWED
        self._may_restart = target.option("restart") == ALLOWED
        self._resources = resources

    @property
    def alive(self) -> bool:
        """Whether the adb server reaches it."""
        with contextlib.suppress(HarnessError):
            return state_of(self.serial) == REACHED
        return False

    def why_lost(self) -> str:
        """How the adb server sees it; its console is not at hand."""
        state = state_of(self.serial)
        if state == REACHED:
            return f"adb reaches {self.serial} again, after having lost it."
        return explain(self.serial, state)

    def restart(self, deadline: Deadline) -> None:
        """Restart it, if that was allowed (UsageError otherwise), and wait until adb reaches it again."""
        if not self._may_restart:
            raise UsageError(
                f"The device {self.serial} is not restarted unasked: "
                f"allow it with --target 'adb:{self.serial}?restart=allowed'."
            )
        restart(self.serial, deadline)
        if self._root:
            become_root(self.serial, deadline)

    def reconnect(self, deadline: Deadline) -> None:
        """Have the adb server, another one perhaps, reach it again; DeviceLostError after 10 s at most."""
        ensure_adb_server()
        if is_address(self.serial):
            connect(self.serial)
            if state_of(self.serial) == GONE:  # nobody answers there: no use to wait
                raise DeviceLostError(self.why_lost())
        wait_until_reached(self.serial, deadline.within(SETTLES_WITHIN))

    def close(self) -> None:
        """Leave it as it was found."""
        self._resources.close()


def open_attached(target: Target, deadline: Deadline | None = None) -> AttachedDevice:
    """Attach to a device once no other run uses it.

    Raises UsageError where the target leaves open which device is meant, SetupError for one that adb does
    not reach, and DeviceLostError for one that this process had and that does not come back.
    """
    ensure_adb_server()
    serial = target.name or _only_one()
    with handed_over() as resources:
        resources.enter_context(device_lock(serial, deadline))
        deadline = deadline or Deadline(START_SECONDS)
        if is_address(serial) and state_of(serial) == GONE:
            connect(serial)
            resources.callback(disconnect, serial)
        _reach(serial, deadline)
        if target.option("root") == ALLOWED and become_root(serial, deadline):
            resources.callback(_leave_root, serial)
        _used.add(serial)
        return AttachedDevice(target, serial, resources)


def _only_one() -> str:
    """The device meant by `adb` alone: $ANDROID_SERIAL, as for adb itself, or the only one reached."""
    chosen = os.environ.get("ANDROID_SERIAL")
    if chosen:
        return chosen
    devices = listed()
    usable = [device.serial for device in devices.values() if device.state == REACHED]
    if len(usable) == 1:
        return usable[0]
    if usable:
        choices = "\n".join(f"  adb:{serial}" for serial in usable)
        raise UsageError(f"adb reaches {len(usable)} devices. Name one of them:\n{choices}")
    problems = [explain(device.serial, device.state) for device in devices.values()]
    raise SetupError(
        "\n".join(["adb reaches no device.", *problems])
        + "\nConnect one and switch on its USB debugging, or start one: `binder-harness boot`."
    )


def _reach(serial: str, deadline: Deadline) -> None:
    state = state_of(serial)
    if state == REACHED:
        return
    if serial in _used:
        # Once only: a phone that restarts after a panic comes back, one that was unplugged does not.
        _used.discard(serial)
        with step(f"waiting for {serial} to come back"):
            wait_until_reached(serial, deadline)
            return
    with contextlib.suppress(DeviceLostError):
        if state in PASSING:
            wait_until_reached(serial, deadline.within(SETTLES_WITHIN))
            return
    others = ", ".join(listed().keys() - {serial}) or "no other device"
    raise SetupError(f"{explain(serial, state_of(serial))} (It lists {others}.)")


def _leave_root(serial: str) -> None:
    # A device that has gone meanwhile has nothing left to undo.
    with contextlib.suppress(HarnessError):
        become_shell(serial, Deadline(SETTLES_WITHIN))


def _open(target: Target, deadline: Deadline | None) -> LifeLine:
    return open_attached(target, deadline)


def _offers(host: Host) -> list[Offer]:
    if host.address:
        return [Offer(KIND.name, False, "a device that is attached to another machine is used from there")]
    try:
        devices = listed().values()
    except HarnessError as error:
        return [Offer(KIND.name, False, str(error))]
    if not devices:
        return [Offer(KIND.name, False, "adb lists no device")]
    return [
        Offer(
            f"{KIND.name}:{device.serial}",
            device.state == REACHED,
            _description(device.tags) if device.state == REACHED else explain(device.serial, device.state),
        )
        for device in devices
    ]


def _description(tags: Mapping[str, str]) -> str:
    named = [f"{name} {tags[name]}" for name in ("product", "model", "device") if name in tags]
    return ", ".join(named) or "an attached device"


def _allowed(name: str, summary: str) -> Option:
    return Option(name, summary, "refused", (ALLOWED, "refused").__contains__, "allowed or refused")


KIND = Kind(
    "adb",
    "the only device that adb reaches",
    (
        _allowed("root", "whether adbd may be restarted as root for the run, as `adb root` does"),
        _allowed("restart", "whether the device may be restarted when an experiment asks for it"),
    ),
    _open,
    _offers,
    names="SERIAL",
    starts=False,
)
