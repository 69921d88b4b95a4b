"""The interfaces of the registered services, by their nodes: where the data of a call cannot be read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, HarnessError
from emulator.base.progress import step
from harness.binder import Binder
from harness.binder.services.interface import BasicCode
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager

if TYPE_CHECKING:
    from harness.device.device import Device

ANSWER_SECONDS = 2.0
"""How long a service may take to say what it is; then it stays unnamed."""


def service_interfaces(device: Device) -> dict[int, str]:
    """The interface of each registered service by the driver's debug id of its node.

    Each service is asked, as `service list` does. Empty where there is no service manager, or where the
    driver's debug files cannot be read. Raises DeviceLostError.
    """
    with step(f"asking the services of {device.serial} what they are"):
        try:
            return _asked(device)
        except DeviceLostError:
            raise
        except (HarnessError, OSError):
            device.raise_if_lost()
            return {}


def _asked(device: Device) -> dict[int, str]:
    with device.process() as process:
        binder = Binder.open(process, BINDER)
        manager = ServiceManager(binder)
        binder.main.references.acquire(0)  # to which the driver makes no reference by itself
        handles = {0: _interface(binder, 0)}
        for name in manager.list():
            with contextlib.suppress(HarnessError):
                found = manager.check(name)
                if isinstance(found, int) and found not in handles:
                    handles[found] = _interface(binder, found)
        references = device.binder.process(process.pid).references
        nodes = {reference.handle: reference.node for reference in references}
    return {nodes[handle]: name for handle, name in handles.items() if name and handle in nodes}


def _interface(binder: Binder, handle: int) -> str | None:
    try:
        reply = binder.transact(handle, BasicCode.INTERFACE_TRANSACTION, deadline=Deadline(ANSWER_SECONDS))
        return reply.string16()
    except HarnessError:
        return None
