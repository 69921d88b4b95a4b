"""What a shell user can see of the framework's own lookups of services, which no stand-in has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder.services.wire import INTERFACE as SERVICE_MANAGER
from harness.device.facts import Need
from harness.experiments.framework.broadcasts import ACTION, NOTICE
from harness.framework.intent import Intent
from harness.framework.sending import shell_broadcast
from harness.framework.transaction_codes import SHELL_COMMAND_TRANSACTION
from harness.recording.record import record_transactions

if TYPE_CHECKING:
    from harness.device.device import Device


@dataclass(frozen=True, slots=True)
class Lookups:
    """Calls to the service manager by the framework's own process while it was at work."""

    broadcasts: int
    """What it was made to do."""
    calls: int
    """All its transactions in that time."""
    lookups: int
    """Those of them to the service manager."""
    lost: bool
    """Whether events were lost, so that the counts prove nothing."""


def framework_lookups(device: Device, *, broadcasts: int = 5) -> Lookups:
    """Have the activity manager send broadcasts, and count its process's calls to the service manager.

    Raises FacilityMissingError where tracing is not there.
    """
    Need.TRACING.require(device.facts)
    intent = Intent(action=ACTION, extras={"data": NOTICE})
    shell_broadcast(device, intent)
    with record_transactions(device) as record:
        for _ in range(broadcasts):
            shell_broadcast(device, intent)
    hops = record.hops.without_replies()
    framework = {hop.receiver.process for hop in hops if hop.code == SHELL_COMMAND_TRANSACTION}
    own = [hop for hop in hops if hop.sender.process in framework]
    lookups = sum(hop.interface == SERVICE_MANAGER for hop in own)
    return Lookups(broadcasts, len(own), lookups, bool(hops.lost))


_SLOW = re.compile(r"service_manager_slow\s*:\s*\[(\d+),(\S+)\]")
_STATISTICS = re.compile(r"service_manager_stats\s*:\s*\[(\d+),(\d+),(\d+)\]")


@dataclass(frozen=True, slots=True)
class SlowLookups:
    """What the event log holds of lookups (ServiceManager.java; EventLogTags.logtags of core)."""

    slow: tuple[tuple[str, int], ...]
    """Names and milliseconds."""
    counted: tuple[int, ...]
    """The number of calls in each of the totals that were logged."""


def slow_lookups(device: Device) -> SlowLookups:
    """Read the event log."""
    log = device.shell("logcat -b events -d")
    slow = tuple((found[2], int(found[1])) for found in _SLOW.finditer(log))
    return SlowLookups(slow, tuple(int(found[1]) for found in _STATISTICS.finditer(log)))
