"""A service in Python: a process on the device with an object registered at the device's service manager."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from harness.binder.pair import Process, StartsProcesses
from harness.binder.services.interface import Dump, Interface
from harness.binder.services.service_manager import ServiceManager
from harness.binder.serving.call import Handler

BINDER = "/dev/binder"
"""The device whose context manager is Android's service manager."""
ACTIVITY_MANAGER = "activity"
"""The activity manager's name (ActivityManagerService.setSystemProcess)."""


@dataclass(frozen=True, slots=True, repr=False)
class Service(Generic[Process]):
    """A registered service, and the process that serves it."""

    name: str
    node: Node
    process: Process
    binder: Binder
    manager: ServiceManager
    """The service manager, called from the service's process."""

    def __repr__(self) -> str:
        return f"<Service {self.name!r} of process {self.binder.process.pid}>"


@contextmanager
def open_service(
    device: StartsProcesses[Process],
    name: str,
    handler: Handler,
    *,
    interface: str | None = None,
    dump: Dump | None = None,
    threads: int = 1,
    allow_isolated: bool = False,
    path: str = BINDER,
) -> Iterator[Service[Process]]:
    """Start a process, register an object of it under `name`, and answer its calls with `handler`.

    The handler gets `call.data` after the interface token; `interface` is the interface's name, by default
    that of the service. `dumpsys NAME` calls `dump`. The name is unregistered a moment after the process
    ends. Raises what ServiceManager.add does, and HandlerError at the end if the handler raised.
    """
    with device.process() as process, Binder.open(process, path) as binder:
        manager = ServiceManager(binder)
        wire = manager.dialect.wire
        node = binder.add_node(Interface(descriptor=interface or name, methods=handler, dump=dump, wire=wire))
        binder.serve(threads=threads)
        manager.add(name, node, allow_isolated=allow_isolated)
        yield Service(name, node, process, binder, manager)
