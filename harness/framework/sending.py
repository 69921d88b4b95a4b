"""Sends a broadcast to any device: over Binder where that is understood, and else by the shell's command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, HarnessError, UsageError
from harness.framework.activity_manager import Result
from harness.framework.bundle import Long, Value
from harness.framework.dialect import dialect_of
from harness.framework.intent import Intent
from harness.framework.receiver import open_sender

if TYPE_CHECKING:
    from harness.device.device import Device

BROADCAST_SECONDS = 30.0
_COMPLETED = re.compile(
    r'^Broadcast completed: result=(-?\d+)(?:, data="(.*)")?(?:, extras: Bundle\[.*\])?\s*\Z',
    re.DOTALL | re.MULTILINE,
)
"""What the command says last; texts stand in it as they are (ActivityManagerShellCommand.java)."""
_EXTRA_OPTIONS: Mapping[type, str] = {str: "--es", bool: "--ez", int: "--ei", Long: "--el"}
_WITHOUT_OPTION = ("extended_flags", "source_bounds", "selector", "content_user_hint")
"""Fields of an Intent that the command cannot set alone: its --selector also sets action and category
(Intent.java, parseCommandArgs).
"""


def send_broadcast(device: Device, intent: Intent, *, deadline: Deadline | None = None) -> Result:
    """Send an ordered broadcast and wait for its end, 30 s unless given: what its receivers made of it.

    It goes over Binder where a native process is told of that end and the release's parcels are known, which
    is Android 11 to 13 and the stand-in; elsewhere through `shell_broadcast`, whose errors it then raises.
    """
    deadline = deadline or Deadline(BROADCAST_SECONDS)
    if not _goes_over_binder(device):
        return shell_broadcast(device, intent, deadline=deadline)
    with open_sender(device) as sender:
        result = sender.send_ordered(intent, deadline)
    if result is None:
        raise HarnessError(f"{intent} was told to nobody: the device's user has not been started.")
    return result


def shell_broadcast(device: Device, intent: Intent, *, deadline: Deadline | None = None) -> Result:
    """Send an ordered broadcast by `cmd activity broadcast` and wait for its end; works on every release.

    Its result has no extras, which the command prints for people only. Raises UsageError for what of the
    Intent the command has no option for, HarnessError where it fails.
    """
    command = ["cmd", "activity", "broadcast", *_options(intent)]
    printed = device.shell(command, deadline=deadline)
    completed = _COMPLETED.search(printed)
    if completed is None:
        raise HarnessError(f"`{' '.join(command)}` does not say that the broadcast was completed: {printed}")
    return Result(code=int(completed[1]), data=completed[2])


def _goes_over_binder(device: Device) -> bool:
    try:
        dialect = dialect_of(device)
    except FacilityMissingError:
        return False
    return dialect is None or dialect.tells_native_processes


def _options(intent: Intent) -> list[str]:
    lost = [name for name in _WITHOUT_OPTION if getattr(intent, name) != getattr(Intent(), name)]
    if lost:
        raise UsageError(
            f"the shell cannot send an Intent's {', '.join(lost)}: leave that out, or send the Intent by "
            "`Sender.send`, which tells of no result"
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
        options += [_EXTRA_OPTIONS.get(type(extra)) or _refuse(key, extra), key, _shown(extra)]
    return options


def _signed(flags: int) -> int:
    """As Integer.decode takes them, which refuses what is over 31 bits."""
    if not 0 <= flags < 1 << 32:
        raise UsageError(f"an Intent's flags are 32 bits, not {flags:#x}")
    return flags - (flags >> 31 << 32)


def _refuse(key: str, extra: Value) -> str:
    raise UsageError(f"the shell cannot send {key}={extra!r}: only texts, truth values and whole numbers")


def _shown(extra: Value) -> str:
    return str(extra).lower() if isinstance(extra, bool) else str(extra)
