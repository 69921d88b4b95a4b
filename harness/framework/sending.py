"""Sends a broadcast on any device: over Binder where its release is supported, else with `cmd activity`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, HarnessError, UsageError
from harness.argument_types import checked
from harness.framework.activity_manager import BroadcastResult
from harness.framework.bundle import Long, Value
from harness.framework.dialect import Dialect, dialect_of
from harness.framework.intent import Intent
from harness.framework.receiver import Sender, open_sender

if TYPE_CHECKING:
    from harness.device.device import Device

BROADCAST_SECONDS = 30.0
_COMPLETED = re.compile(
    r'^Broadcast completed: result=(-?\d+)(?:, data="(.*)")?(?:, extras: Bundle\[.*\])?\s*\Z',
    re.DOTALL | re.MULTILINE,
)
"""The last line of the command's output; it does not escape texts (ActivityManagerShellCommand.java)."""
_EXTRA_OPTIONS: Mapping[type, str] = {str: "--es", bool: "--ez", int: "--ei", Long: "--el"}
_WITHOUT_OPTION = ("extended_flags", "source_bounds", "selector", "content_user_hint")
"""Fields of an Intent that the command cannot set by themselves: --selector also sets action and category
(Intent.java, parseCommandArgs).
"""


@checked
def send_broadcast(device: Device, intent: Intent, *, deadline: Deadline | None = None) -> BroadcastResult:
    """Send an ordered broadcast, wait for its end (30 s unless given), and return its result.

    It goes over Binder where a native process gets the result and the release's parcels are supported, which
    is Android 11 to 13 and the stand-in; elsewhere through `shell_broadcast`, whose errors it then raises.
    """
    deadline = deadline or Deadline(BROADCAST_SECONDS)
    if not goes_over_binder(lambda: dialect_of(device)):
        return shell_broadcast(device, intent, deadline=deadline)
    with open_sender(device) as sender:
        return binder_broadcast(sender, intent, deadline)


def binder_broadcast(sender: Sender, intent: Intent, deadline: Deadline) -> BroadcastResult:
    """Send an ordered broadcast over Binder; HarnessError where the device's user is not started."""
    result = sender.send_ordered(intent, deadline)
    if result is None:
        raise HarnessError(f"{intent} reached no receiver: the device's user has not been started.")
    return result


@checked
def shell_broadcast(device: Device, intent: Intent, *, deadline: Deadline | None = None) -> BroadcastResult:
    """Send an ordered broadcast by `cmd activity broadcast` and wait for its end; works on every release.

    Its result has no extras: the command prints them in a form that cannot be parsed. Raises UsageError for
    an Intent that the command has no options for, HarnessError where the command fails.
    """
    command = ["cmd", "activity", "broadcast", *_options(intent)]
    output = device.shell(command, deadline=deadline)
    completed = _COMPLETED.search(output)
    if completed is None:
        raise HarnessError(f"`{' '.join(command)}` did not report the end of the broadcast: {output}")
    return BroadcastResult(code=int(completed[1]), data=completed[2])


def goes_over_binder(find_dialect: Callable[[], Dialect | None]) -> bool:
    """Whether the activity manager can be called over Binder, and returns the result to a native process."""
    try:
        dialect = find_dialect()
    except FacilityMissingError:
        return False
    return dialect is None or dialect.has_native_receivers


def _options(intent: Intent) -> list[str]:
    unsupported = [name for name in _WITHOUT_OPTION if getattr(intent, name) != getattr(Intent(), name)]
    if unsupported:
        raise UsageError(
            f"the shell cannot send an Intent's {', '.join(unsupported)}: leave that out, or use "
            "`Sender.send`, which returns no result"
        )
    values = {
        "-a": intent.action,
        "-d": intent.data,
        "-t": intent.type,
        "-i": intent.identifier,
        "-f": _signed(intent.flags) if intent.flags else None,
        "-p": intent.package,
        "-n": intent.component,
    }
    options = [word for option, value in values.items() if value is not None for word in (option, str(value))]
    for category in intent.categories:
        options += ["-c", category]
    for key, extra in (intent.extras or {}).items():
        options += [_EXTRA_OPTIONS.get(type(extra)) or _refuse(key, extra), key, _argument(extra)]
    return options


def _signed(flags: int) -> int:
    """The flags as a signed number, for Integer.decode refuses more than 31 bits."""
    if not 0 <= flags < 1 << 32:
        raise UsageError(f"an Intent's flags are 32 bits, not {flags:#x}")
    return flags - (flags >> 31 << 32)


def _refuse(key: str, extra: Value) -> str:
    raise UsageError(f"the shell cannot send {key}={extra!r}: only strings, booleans and integers")


def _argument(extra: Value) -> str:
    return str(extra).lower() if isinstance(extra, bool) else str(extra)
