"""Bound services in Python, and their clients: processes that attach to the activity manager as apps do.

Android's own activity manager accepts only processes that zygote started for it: this is for the stand-in.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError
from harness.argument_types import checked, checked_methods
from harness.binder.abi.objects import Node
from harness.binder.endpoint import Binder
from harness.binder.errors import StatusError
from harness.binder.parcels.status import StatusCode
from harness.binder.services.interface import Interface
from harness.binder.services.service import BINDER
from harness.binder.serving.call import Call, Handler
from harness.framework.activity_manager import ActivityManager
from harness.framework.dialect import framework_release
from harness.framework.intent import ComponentName, Intent, read_component, read_intent
from harness.framework.transaction_codes import APPLICATION_THREAD, SERVICE_CONNECTION

if TYPE_CHECKING:
    from harness.device.device import Device

SCHEDULE_BIND_SERVICE = 10
"""IApplicationThread.aidl, Android 11."""
SCHEDULE_UNBIND_SERVICE = 11
CONNECTED = 1
"""IServiceConnection.aidl."""

OnBind = Callable[[Intent], None]


@dataclass(frozen=True, slots=True)
class ServiceConnection:
    """A binding as its client gets it: a handle on the service's object, or None for a null binding."""

    component: ComponentName
    handle: int | None


@checked_methods
class Application:
    """A process that is attached to the activity manager: hosts a service, binds others, or both."""

    def __init__(self, device: Device, binder: Binder) -> None:
        self.binder = binder
        self.manager = ActivityManager.find(device, binder)
        self.bound: list[Intent] = []
        """The Intents that onBind was called with."""
        self.unbound: list[Intent] = []
        """The Intents that onUnbind was called with."""
        self._service: Node | None = None
        self._connections: queue.SimpleQueue[ServiceConnection] = queue.SimpleQueue()
        self.thread = self._node(APPLICATION_THREAD, self._schedule)

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self.binder.process.pid

    def offer(self, descriptor: str, methods: Handler) -> None:
        """Have onBind return an object of this interface."""
        self._service = self._node(descriptor, methods)

    def bind(self, component: ComponentName) -> Node | None:
        """Bind a service, and return the connection; None where there is no such service."""
        connection = self._node(SERVICE_CONNECTION, self._connected)
        bound = self.manager.bind_service(self.thread, Intent(component=component), connection)
        return connection if bound else None

    def connected(self, deadline: Deadline) -> ServiceConnection:
        """The next connection of this process to a service; TimeLimitError where none arrives in time."""
        try:
            return self._connections.get(timeout=deadline.remaining())
        except queue.Empty:
            raise deadline.missed(
                f"a connection of process {self.pid}",
                "The service's process has not published what onBind returned.",
            ) from None

    def _node(self, descriptor: str, methods: Handler) -> Node:
        return self.binder.add_node(Interface(descriptor=descriptor, methods=methods, wire=self.manager.wire))

    def _schedule(self, call: Call) -> None:
        if call.code not in (SCHEDULE_BIND_SERVICE, SCHEDULE_UNBIND_SERVICE):
            raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
        token = call.data.handle()
        intent = read_intent(call.data) if call.data.boolean() else Intent()
        if call.code == SCHEDULE_UNBIND_SERVICE:
            self.unbound.append(intent)
        else:
            self.bound.append(intent)
            if self._service is not None:
                call.thread.references.acquire(token)
                self.manager.publish_service(call.thread, token, intent, self._service)

    def _connected(self, call: Call) -> None:
        if call.code != CONNECTED:
            raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
        component = read_component(call.data) if call.data.boolean() else None
        handle = call.data.binder()
        if isinstance(handle, int):
            call.thread.references.acquire(handle)
        if component is not None:
            self._connections.put(ServiceConnection(component, handle if isinstance(handle, int) else None))


@checked
@contextmanager
def open_application(device: Device) -> Iterator[Application]:
    """Start a process and attach it, until the end of the block.

    Raises FacilityMissingError where Android's own activity manager runs.
    """
    if framework_release(device) is not None:
        raise FacilityMissingError(
            "Android's activity manager attaches only processes that zygote started for it. Services in "
            "Python can be bound on the target `embedded`, whose activity manager is a stand-in."
        )
    with device.process() as process, Binder.open(process, BINDER) as binder:
        binder.serve()
        application = Application(device, binder)
        application.manager.attach_application(application.thread)
        yield application


@checked
@contextmanager
def open_bound_service(
    device: Device, component: ComponentName, descriptor: str, methods: Handler
) -> Iterator[Application]:
    """Start a process that hosts a service, as a manifest would declare it; `methods` handles its calls."""
    with open_application(device) as application:
        application.offer(descriptor, methods)
        device.shell(["cmd", "activity", "host-service", str(component), str(application.pid)])
        yield application
