"""The context managers of two binder devices at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Binder
from harness.binder.abi import commands, returns
from harness.binder.abi.commands import EnterLooper
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.device.facts import Need
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.attempts import attempt
from harness.experiments.instruments.non_blocking import exchange, open_non_blocking

if TYPE_CHECKING:
    from harness.device.device import Device


@dataclass(frozen=True, slots=True)
class Contexts:
    """A context manager of a free device, while servicemanager is that of /dev/binder."""

    of_binder: str
    """The outcome of becoming that of /dev/binder, too: an errno's name, or `success`."""
    received: int
    """How many calls to handle 0 of the free device it receives, of one."""
    ping_of_binder: bool
    """Whether handle 0 of /dev/binder answers a ping meanwhile."""


@measurement("contexts", "Whether two binder devices have context managers at the same time.")
def measure_contexts(device: Device) -> Contexts:
    """Be the context manager of the free device; FacilityMissingError without servicemanager."""
    Need.SERVICE_MANAGER.require(device.facts)
    with open_non_blocking(device) as pair, Binder.open(pair.server_process, BINDER) as other:
        of_binder = attempt(other.become_context_manager)
        exchange(pair.client, commands.Transaction(target=0))
        received = exchange(pair.server, EnterLooper())
        ServiceManager(other).ping()
        calls = [each for each in received if isinstance(each, returns.Transaction)]
        return Contexts(of_binder, len(calls), ping_of_binder=True)
