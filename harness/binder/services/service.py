"""A service written in Python: a process on the device, registered at the device's own service manager."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic

from harness.binder.abi.objects import Node
from harness.binder.call import Handler
from harness.binder.endpoint import Binder
from harness.binder.pair import Process, StartsProcesses
from harness.binder.services.interface import Dump, Interface
from harness.binder.services.service_manager import ServiceManager

BINDER = "/dev/binder"
"""The device whose context manager Android's service manager is."""
ACTIVITY_MANAGER = "activity"
"""The name under which Android's framework registers it (ActivityManagerService.setSystemProcess)."""


@dataclass(frozen=True, slots=True, repr=False)
class Service(Generic[Process]):
    """A registered service, and what serves it."""

    name: str
    node: Node
    process: Process
    binder: Binder
    manager: ServiceManager
    """As the service's own process sees it."""

    def __repr__(self) -> str:
        return f"<Service {self.name!r} of process {self.binder.file.process.pid}>"


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

    The handler finds `call.data` behind the interface token; `interface` is the interface's name, by default
    that of the service. `dump` is asked by `dumpsys NAME`. With the process the name goes, a moment later.
    Raises what ServiceManager.add does, and in the end HandlerError where the handler raised.
    """
    with device.process() as process, Binder.open(process, path) as binder:
        manager = ServiceManager(binder)
        wire = manager.dialect.wire
        node = binder.add_node(Interface(descriptor=interface or name, methods=handler, dump=dump, wire=wire))
        binder.serve(threads=threads)
        manager.add(name, node, allow_isolated=allow_isolated)
        yield Service(name, node, process, binder, manager)
