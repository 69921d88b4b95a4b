"""A device that adb reaches already: used as it is, left as it was, rooted or restarted only if allowed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping

from emulator.adb.adbd import become_root, become_shell, boot_id, restart
from emulator.adb.client import GONE, REACHED, AdbClient, AdbRequestError, is_address
from emulator.adb.states import explain, wait_until_reached
from emulator.base.controller import Controller, close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import (
    DeviceLostError,
    HarnessError,
    SetupError,
    TimeLimitError,
    UsageError,
    did_you_mean,
)
from emulator.base.progress import step
from emulator.host.host import Host
from emulator.kinds.device_lock import device_lock
from emulator.target import ALLOWED, START_SECONDS, DeviceKind, Offer, Target, permission

SETTLES_WITHIN = 10.0
"""Seconds for a device that adb lists but that does not answer yet. adb tries the address of an offline one
again after 0.25 s and then every 3 s (AOSP, adb/transport.cpp, ReconnectHandler)."""
LISTED_WITHIN = 6.0
"""Seconds for a device that adb does not list, such as one on USB while its adbd restarts: as long as adb
itself waits then (AOSP 10, adb/client/commandline.cpp, adb_root). A server that was ended is back sooner."""
SHELL_PROTOCOL = "shell_v2"
"""adb's name of the feature (transport.cpp, kFeatureShell2)."""
TRANSIENT = ("offline", "connecting", "authorizing")

_used: set[str] = set()
"""Serials that this process has used: one that is lost may come back, and is waited for once."""
_restarts: dict[str, Deadline] = {}
"""Deadlines of the restarts that this process has asked for, by serial."""


class AttachedDevice:
    """The controller of a device that somebody else started."""

    disposable = False

    def __init__(self, target: Target, serial: str, resources: contextlib.ExitStack, adb: AdbClient) -> None:
        self.target = str(target)
        self.serial = serial
        self._root = target.option("root") == ALLOWED
        self._may_restart = target.option("restart") == ALLOWED
        self._resources = resources
        self._adb = adb
        self._boot = boot_id(adb, serial)

    @property
    def alive(self) -> bool:
        """Whether the adb server reaches it."""
        with contextlib.suppress(HarnessError):
            return self._adb.state(self.serial) == REACHED
        return False

    def loss_reason(self) -> str:
        """Its state at the adb server; its console is not available."""
        state = self._adb.state(self.serial)
        if state == REACHED:
            return f"adb had lost {self.serial}, and reaches it again."
        return explain(self.serial, state)

    def restart(self, deadline: Deadline) -> None:
        """Restart it, if that is allowed, and wait until adb reaches it again.

        Raises UsageError where it is not allowed, DeviceLostError when the device does not come back.
        """
        if not self._may_restart:
            raise UsageError(
                f"The device {self.serial} may not be restarted without your permission: "
                f"give it with --target 'adb:{self.serial}?restart=allowed'."
            )
        _restarts[self.serial] = deadline
        try:
            restart(self._adb, self.serial, deadline)
        except TimeLimitError as error:
            raise DeviceLostError(f"{error}. {self.loss_reason()}") from error
        del _restarts[self.serial]
        self._boot = boot_id(self._adb, self.serial)
        if self._root:
            become_root(self._adb, self.serial, deadline)

    def reconnect(self, deadline: Deadline) -> None:
        """Make the adb server, which may be a new one, reach it again.

        Raises DeviceLostError after 10 s at most, unless the device is being restarted, and where it has
        restarted by itself.
        """
        self._adb.ensure_server()
        _await_return(self._adb, self.serial, deadline)
        if self._boot != (boot := boot_id(self._adb, self.serial)) and boot:
            self._boot = boot
            raise DeviceLostError(f"{self.serial} restarted by itself, and adb reaches it again.")

    def close(self) -> None:
        """Leave it as it was found."""
        self._resources.close()


def open_attached(target: Target, deadline: Deadline | None = None) -> AttachedDevice:
    """Attach to a device once no other run uses it.

    Raises UsageError where several devices fit the target, SetupError for one that adb does not reach or
    whose adbd is too old, and DeviceLostError for one that this process has used and that does not come back.
    """
    adb = AdbClient()
    adb.ensure_server()
    serial = _listed_name(adb, target.name or _only_one(adb))
    with close_on_failure() as resources:
        resources.enter_context(device_lock(serial, deadline))
        deadline = deadline or Deadline(START_SECONDS)
        if is_address(serial) and adb.state(serial) == GONE:
            adb.connect(serial)
            resources.callback(adb.disconnect, serial)
        _reach(adb, serial, deadline)
        _require_shell_protocol(adb, serial)
        if target.option("root") == ALLOWED and become_root(adb, serial, deadline):
            resources.callback(_leave_root, adb, serial)
        _used.add(serial)
        return AttachedDevice(target, serial, resources, adb)


def _only_one(adb: AdbClient) -> str:
    """The device that `adb` without a serial names: $ANDROID_SERIAL, as for adb itself, or the only one."""
    chosen = os.environ.get("ANDROID_SERIAL")
    if chosen:
        return chosen
    devices = adb.devices()
    usable = [name for name, device in devices.items() if device.state == REACHED]
    if len(usable) == 1:
        return usable[0]
    if usable:
        raise UsageError(f"adb reaches {len(usable)} devices. Name one of them:\n{_choices(usable)}")
    problems = [explain(name, device.state) for name, device in devices.items()]
    raise SetupError(
        "\n".join(["adb reaches no device.", *problems])
        + "\nConnect one and enable USB debugging on it, or start one: `binder-harness boot`."
    )


def _listed_name(adb: AdbClient, chosen: str) -> str:
    """The name under which adb lists a device; UsageError where several have it for their serial."""
    devices = adb.devices()
    sharing = devices.sharing(chosen)
    if len(sharing) > 1:
        raise UsageError(
            f"adb lists {len(sharing)} devices with the serial {chosen}. Name one of them by where it is "
            f"connected:\n{_choices(sharing)}"
        )
    return devices.name_of(chosen) or chosen


def _choices(names: Iterable[str]) -> str:
    return "\n".join(f"  {KIND.name}:{name}" for name in names)


def _require_shell_protocol(adb: AdbClient, serial: str) -> None:
    """Raise SetupError for a device whose adbd keeps no output apart and reports no exit status."""
    with contextlib.suppress(AdbRequestError):  # a server or adbd that cannot be asked is found out later
        if SHELL_PROTOCOL not in adb.features(serial):
            raise SetupError(
                f"The adbd of {serial} lacks adb's shell protocol ({SHELL_PROTOCOL}), which everything here "
                "needs: it came with Android 7, and a port of Android may still have an older adbd."
            )


def _reach(adb: AdbClient, serial: str, deadline: Deadline) -> None:
    state = adb.state(serial)
    if state == REACHED:
        return
    if serial in _used:
        with step(f"waiting for {serial} to come back"):
            _await_return(adb, serial, deadline)
            return
    with contextlib.suppress(DeviceLostError):
        if state in TRANSIENT:
            wait_until_reached(adb, serial, deadline.within(SETTLES_WITHIN))
            return
    state = adb.state(serial)
    others = [name for name in adb.devices() if name != serial]
    near = did_you_mean(serial, others) if state == GONE and not is_address(serial) else ""
    raise SetupError(f"{explain(serial, state)}{near} (adb lists {', '.join(others) or 'no other device'}.)")


def _await_return(adb: AdbClient, serial: str, deadline: Deadline) -> None:
    """Wait for a device that was lost; DeviceLostError in a few seconds, unless this process restarts it."""
    patience = _restarts.get(serial, Deadline(0)).remaining()
    if serial in _used:
        patience = max(patience, LISTED_WITHIN if adb.state(serial) == GONE else SETTLES_WITHIN)
    try:
        wait_until_reached(adb, serial, deadline.within(patience))
    except DeviceLostError:
        _used.discard(serial)
        raise


def _leave_root(adb: AdbClient, serial: str) -> None:
    # On a device that is gone by now there is nothing left to undo.
    with contextlib.suppress(HarnessError):
        become_shell(adb, serial, Deadline(SETTLES_WITHIN))


def _open(target: Target, deadline: Deadline | None) -> Controller:
    return open_attached(target, deadline)


def _offers(host: Host) -> list[Offer]:
    if host.address:
        return [Offer(KIND.name, False, "a device attached to another machine can be used only from there")]
    try:
        devices = AdbClient().devices()
    except HarnessError as error:
        return [Offer(KIND.name, False, str(error))]
    if not devices:
        return [Offer(KIND.name, False, "adb lists no device")]
    return [
        Offer(
            f"{KIND.name}:{name}",
            device.state == REACHED,
            _description(device.tags) if device.state == REACHED else explain(name, device.state),
        )
        for name, device in devices.items()
    ]


def _description(tags: Mapping[str, str]) -> str:
    named = [f"{name} {tags[name]}" for name in ("product", "model", "device") if name in tags]
    return ", ".join(named) or "an attached device"


KIND = DeviceKind(
    "adb",
    "the only device that adb reaches",
    (
        permission("root", "whether adbd may be restarted as root for the run, as `adb root` does"),
        permission("restart", "whether the device may be restarted when an experiment asks for it"),
    ),
    _open,
    _offers,
    names="SERIAL",
    starts=False,
)
