"""The machine at hand as a device: a host of Waydroid or redroid, a CI runner, a kernel developer's own."""

from __future__ import annotations

import contextlib
import time

from emulator.base.controller import close_on_failure
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.progress import report
from emulator.host.host import Host, on
from emulator.host.opening import open_host
from emulator.kinds.doctor import Check
from emulator.kinds.local.machine import LocalMachine, require_sudo
from emulator.kinds.local.survey import description, obstacle, survey
from emulator.target import ALLOWED, HOST, DeviceKind, Offer, Target, on_host, permission

WAITS_AT_MOST = 3600.0
"""Seconds that a run waits for another one on the same machine: each would remove the other's traces."""
ASKS_EVERY = 1.0
LOCK = "local"


def open_local(target: Target, deadline: Deadline | None = None) -> LocalMachine:
    """Use this machine, or the one at `host`, once no other run does.

    That wait lasts an hour, or until `deadline`. Raises SetupError, with what helps, for a machine on which
    nothing about Binder can be tried.
    """
    with close_on_failure() as resources:
        host = resources.enter_context(open_host(target.option("host")))
        found = survey(host)
        sudo = target.option("root") == ALLOWED and not found.root
        reason = obstacle(found, root=found.root or sudo)
        if reason:
            raise SetupError(f"Binder cannot be tried{on(host) or ' on this machine itself'}. {reason}")
        if sudo:
            require_sudo(host)
        _lock(host, deadline or Deadline(WAITS_AT_MOST), resources)
        return LocalMachine(str(target), host, found, sudo=sudo, resources=resources)


def _lock(host: Host, deadline: Deadline, resources: contextlib.ExitStack) -> None:
    """Have the machine for this run until `resources` are closed."""
    waiting = False
    while True:
        try:
            resources.enter_context(host.lock(LOCK))
            return
        except SetupError:
            raise
        except HarnessError as error:
            if deadline.expired:
                raise HarnessError(
                    f"Another run used the target {KIND.name}{on(host)} for {deadline.seconds:g} s. End it."
                ) from error
        if not waiting:
            report(f"another run uses the target {KIND.name}{on(host)}: waiting for its end")
        waiting = True
        time.sleep(min(ASKS_EVERY, deadline.remaining()))


def local_check(host: Host) -> Check:
    """What `doctor` shows about a machine's own Binder; nothing about it is required."""
    try:
        found = survey(host)
    except SetupError as error:
        return Check(KIND.name, True, str(error), present=False)
    reason = obstacle(found, root=True)
    if reason:
        return Check(KIND.name, True, reason, present=False)
    unrooted = obstacle(found, root=found.root)
    return Check(KIND.name, True, f"{description(found)}. {unrooted}".removesuffix(". "))


def _offers(host: Host) -> list[Offer]:
    target = on_host(KIND.name, host)
    try:
        found = survey(host)
    except SetupError as error:
        return [Offer(target, False, str(error))]
    reason = obstacle(found, root=found.root)
    return [Offer(target, not reason, reason or description(found))]


KIND = DeviceKind(
    "local",
    "the machine itself, with its own Binder: no adb, no QEMU",
    (permission("root", "whether programs may run as root by `sudo -n`, where the user is not root"), HOST),
    open_local,
    _offers,
    starts=False,
)
