"""A client of Android's service manager that supports every generation, and detects which one answers."""

from __future__ import annotations

import functools
from collections.abc import Callable

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.argument_types import checked_methods
from harness.binder.abi import objects
from harness.binder.abi.objects import Node
from harness.binder.driver.ioctls import CALL_SECONDS
from harness.binder.endpoint import Binder
from harness.binder.errors import StatusError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import StatusCode
from harness.binder.services.dialect import find_dialect
from harness.binder.services.interface import BasicCode, Interface
from harness.binder.services.wire import (
    ALL_PRIORITIES,
    Dialect,
    DumpPriority,
    Object,
    read_found,
    read_name,
)
from harness.binder.serving.call import Call

SERVICE_CALLBACK = "android.os.IServiceCallback"
CLIENT_CALLBACK = "android.os.IClientCallback"
ONLY_METHOD = 1
"""The code of the only method of either callback (IServiceCallback.aidl, IClientCallback.aidl)."""

OnRegistration = Callable[[str, Object], None]
"""Takes a name and the object registered under it; the callback has to release a handle."""
OnClients = Callable[[Object, bool], None]
"""Takes a registered object, and whether it has clients."""


@checked_methods
class ServiceManager:
    """The object behind a process's handle 0, as the interface android.os.IServiceManager.

    Every method waits at most 10 s unless given a deadline, and raises what `Binder.transact` does:
    DeadObjectError if nobody is context manager. A refusal of the service manager is a RemoteError with
    AOSP's exception code, of the one in C (to Android 10) a StatusError with status -1; a method that its
    release lacks is a FacilityMissingError. Returned handles are acquired: the caller has to release them.
    """

    def __init__(self, binder: Binder) -> None:
        self._binder = binder

    def __repr__(self) -> str:
        # repr() must not call the service manager to find its dialect.
        found = vars(self).get("dialect")
        return f"<ServiceManager of {found.name if found else 'a generation not yet determined'}>"

    @functools.cached_property
    def dialect(self) -> Dialect:
        """The generation that answers, determined once. Raises HarnessError if it is an unknown one."""
        return find_dialect(self._binder, Deadline(CALL_SECONDS))

    def ping(self, *, deadline: Deadline | None = None) -> None:
        """Wait for an answer; works with every generation."""
        self._binder.transact(0, BasicCode.PING_TRANSACTION, deadline=deadline)

    def add(
        self,
        name: str,
        service: Object,
        *,
        allow_isolated: bool = False,
        dump_priority: DumpPriority = DumpPriority.DEFAULT,
        deadline: Deadline | None = None,
    ) -> None:
        """Register an object under a name; it stays until its process ends.

        It replaces an object with the same name, but not on every Android 11: cmds/servicemanager of Debian's
        29.0.6 keeps the first one without an error. `allow_isolated` lets isolated processes find it.
        """
        data = self._named(name, service).boolean(allow_isolated).int32(dump_priority)
        self._call("addService", data, deadline)

    def get(self, name: str, *, deadline: Deadline | None = None) -> Object | None:
        """The object of that name; None if there is none: from Android 11 on, init then starts it."""
        return self._lookup("getService", name, deadline)

    def check(self, name: str, *, deadline: Deadline | None = None) -> Object | None:
        """The object of that name; None if there is none, or if the caller may not find it."""
        return self._lookup("checkService", name, deadline)

    def wait_for(self, name: str, deadline: Deadline) -> Object:
        """The object of that name, as soon as there is one; TimeLimitError at the deadline.

        The last lookup may end after the deadline: it is never interrupted.
        """

        def found() -> tuple[Object] | None:  # a handle may be 0
            answer = self.check(name)
            return None if answer is None else (answer,)

        return deadline.poll(found, f"a service named {name}")[0]

    def list(
        self, priorities: DumpPriority = ALL_PRIORITIES, *, deadline: Deadline | None = None
    ) -> tuple[str, ...]:
        """The names of the services with one of these priorities.

        The service manager in C still lists names of dead services. It omits names longer than 109
        characters, which are empty here, and lists nothing to callers without permission.
        """
        if self.dialect.in_c:
            return self._list_in_c(priorities, deadline or Deadline(CALL_SECONDS))
        answer = self._call("listServices", self.dialect.request().int32(priorities), deadline)
        return tuple(name or "" for name in answer.string16_array() or ())

    def is_declared(self, name: str, *, deadline: Deadline | None = None) -> bool:
        """Whether the device's manifests name the service, running or not (Android 11)."""
        return self._call("isDeclared", self._named(name), deadline).boolean()

    def register_for_notifications(
        self, name: str, callback: OnRegistration, *, deadline: Deadline | None = None
    ) -> Node:
        """Have `callback` called whenever the name is registered, and at once if it already is (Android 11).

        Returns the object by which to unregister. The binder's server runs the callback: UsageError if the
        binder does not serve.
        """

        def on_registration(call: Call) -> None:
            name, service = call.data.string16() or "", self._kept(call)
            callback(name, service)

        node = self._callback_node(SERVICE_CALLBACK, on_registration)
        self._call("registerForNotifications", self._named(name, node), deadline)
        return node

    def unregister_for_notifications(
        self, name: str, node: Node, *, deadline: Deadline | None = None
    ) -> None:
        """Cancel such a callback (Android 11)."""
        self._call("unregisterForNotifications", self._named(name, node), deadline)

    def register_client_callback(
        self, name: str, service: Node, callback: OnClients, *, deadline: Deadline | None = None
    ) -> Node:
        """Have `callback` called when a service of this process gets its first client, or loses its last.

        Android 11 and later; the service manager checks every five seconds. Return value and UsageError are
        as with notifications.
        """

        def on_clients(call: Call) -> None:
            service = self._kept(call)
            callback(service, call.data.boolean())

        node = self._callback_node(CLIENT_CALLBACK, on_clients)
        self._call("registerClientCallback", self._named(name, service, node), deadline)
        return node

    def unregister(self, name: str, service: Node, *, deadline: Deadline | None = None) -> None:
        """Unregister a service with a client callback and no clients (tryUnregisterService, Android 11)."""
        self._call("tryUnregisterService", self._named(name, service), deadline)

    def _named(self, name: str, *values: Object) -> Parcel:
        data = self.dialect.request().string16(name)
        for value in values:
            data = data.node(value) if isinstance(value, Node) else data.handle(value)
        return data

    def _call(self, method: str, data: Parcel, deadline: Deadline | None) -> ParcelReader:
        """The answer to a call, after its exception header."""
        answer = self._binder.transact(0, self.dialect.code(method), data, deadline=deadline)
        return answer if self.dialect.in_c else answer.check_exception()

    def _lookup(self, method: str, name: str, deadline: Deadline | None) -> Object | None:
        dialect = self.dialect
        answer = self._binder.transact(0, dialect.code(method), self._named(name), deadline=deadline)
        in_union = method == "checkService" and dialect.checks_in_union
        found = read_found(dialect, answer, in_union=in_union)
        if found is None:
            self._binder.references.release(*objects.handles(answer.data, answer.offsets))
        return found

    def _list_in_c(self, priorities: DumpPriority, deadline: Deadline) -> tuple[str, ...]:
        """One call for each name, until the index is out of range."""
        names: list[str] = []
        code = self.dialect.code("listServices")
        while True:
            data = self.dialect.request().int32(len(names)).int32(priorities)
            try:
                names.append(read_name(self._binder.transact(0, code, data, deadline=deadline)))
            except StatusError as error:
                if error.status != StatusCode.PERMISSION_DENIED:
                    raise
                return tuple(names)

    def _callback_node(self, descriptor: str, method: Callable[[Call], None]) -> Node:
        binder = self._binder
        if binder.server is None:
            raise UsageError(
                f"{binder.file} serves no calls, so callbacks cannot arrive: call `serve` first."
            )

        def methods(call: Call) -> None:
            if call.code != ONLY_METHOD:
                raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
            method(call)

        return binder.add_node(Interface(descriptor=descriptor, methods=methods, wire=self.dialect.wire))

    @staticmethod
    def _kept(call: Call) -> Object:
        """The next object in a call's data; a handle is acquired, so that it outlives the call."""
        found = call.data.binder()
        if found is None:
            raise StatusError(StatusCode.UNEXPECTED_NULL)
        if isinstance(found, int):
            call.thread.references.acquire(found)
        return found
