"""A client of Android's service manager, of every generation: it finds out by itself which one answers."""

from __future__ import annotations

import functools
from collections.abc import Callable

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.binder.abi import commands, objects
from harness.binder.abi.objects import Node
from harness.binder.binder_thread import BinderThread
from harness.binder.call import Call
from harness.binder.driver_thread import CALL_SECONDS
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

SERVICE_CALLBACK = "android.os.IServiceCallback"
CLIENT_CALLBACK = "android.os.IClientCallback"
ONLY_METHOD = 1
"""The code of the one method that either callback has (IServiceCallback.aidl, IClientCallback.aidl)."""

OnRegistration = Callable[[str, Object], None]
"""Takes a name and the object that was registered under it; a handle is the callback's to release."""
OnClients = Callable[[Object, bool], None]
"""Takes a registered object, and whether it has clients."""


class ServiceManager:
    """The object behind a thread's handle 0, as the interface android.os.IServiceManager.

    Every method waits at most 10 s unless given a deadline, and raises what `BinderThread.transact` does:
    DeadObjectError where nobody is context manager. What the service manager refuses is a RemoteError with
    AOSP's exception code, of the program in C (to Android 10) a StatusError with status -1; what its release
    does not have, a FacilityMissingError. Handles come acquired, and are the caller's to release.
    """

    def __init__(self, thread: BinderThread) -> None:
        self._thread = thread

    def __repr__(self) -> str:
        # Where it was not asked for yet, the device is not asked for it to show this.
        known = vars(self).get("dialect")
        return f"<ServiceManager of {known.name if known else 'a generation not asked for yet'}>"

    @functools.cached_property
    def dialect(self) -> Dialect:
        """Which generation answers; asked once. Raises HarnessError where none does that is known."""
        return find_dialect(self._thread, Deadline(CALL_SECONDS))

    def ping(self, *, deadline: Deadline | None = None) -> None:
        """Have it answer, whichever generation it is of."""
        self._thread.transact(0, BasicCode.PING_TRANSACTION, deadline=deadline)

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

        One that has the name already gives way, but not on every Android 11: cmds/servicemanager of Debian's
        29.0.6 keeps the first one, and says nothing. `allow_isolated` lets isolated processes find it.
        """
        data = self._named(name, service).boolean(allow_isolated).int32(dump_priority)
        self._call("addService", data, deadline)

    def get(self, name: str, *, deadline: Deadline | None = None) -> Object | None:
        """The object of that name; None where there is none, which from Android 11 on has init start it."""
        return self._lookup("getService", name, deadline)

    def check(self, name: str, *, deadline: Deadline | None = None) -> Object | None:
        """The object of that name; None where there is none, or where the caller may not find it."""
        return self._lookup("checkService", name, deadline)

    def wait_for(self, name: str, deadline: Deadline) -> Object:
        """The object of that name, as soon as there is one; TimeLimitError at the deadline.

        The last lookup may end after it: it is not to break off for want of time.
        """

        def found() -> tuple[Object] | None:  # a handle may be 0
            answer = self.check(name)
            return None if answer is None else (answer,)

        return deadline.poll(found, f"a service of the name {name}")[0]

    def list(
        self, priorities: DumpPriority = ALL_PRIORITIES, *, deadline: Deadline | None = None
    ) -> tuple[str, ...]:
        """The names of the services with one of these priorities.

        The program in C goes on listing the names of the dead, and is silent on those of over 109 characters,
        which are empty here; it lists none to those who may not ask.
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
        """Have `callback` called whenever the name is registered, and at once where it is (Android 11).

        Returns the object by which to unregister. The callback runs where the binder serves calls, so
        UsageError where it does not.
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
        """Take such a callback back (Android 11)."""
        self._call("unregisterForNotifications", self._named(name, node), deadline)

    def register_client_callback(
        self, name: str, service: Node, callback: OnClients, *, deadline: Deadline | None = None
    ) -> Node:
        """Be told when a service of this process gets its first client, and loses its last one (Android 11).

        It is looked at every five seconds. Serving, return value and UsageError as with notifications.
        """

        def on_clients(call: Call) -> None:
            service = self._kept(call)
            callback(service, call.data.boolean())

        node = self._callback_node(CLIENT_CALLBACK, on_clients)
        self._call("registerClientCallback", self._named(name, service, node), deadline)
        return node

    def unregister(self, name: str, service: Node, *, deadline: Deadline | None = None) -> None:
        """Take back a service with a client callback and no clients (tryUnregisterService, Android 11)."""
        self._call("tryUnregisterService", self._named(name, service), deadline)

    def _named(self, name: str, *values: Object) -> Parcel:
        data = self.dialect.request().string16(name)
        for value in values:
            data = data.node(value) if isinstance(value, Node) else data.handle(value)
        return data

    def _call(self, method: str, data: Parcel, deadline: Deadline | None) -> ParcelReader:
        """The answer to a call, behind its exception."""
        answer = self._thread.transact(0, self.dialect.code(method), data, deadline=deadline)
        return answer if self.dialect.in_c else answer.check_exception()

    def _lookup(self, method: str, name: str, deadline: Deadline | None) -> Object | None:
        dialect = self.dialect
        answer = self._thread.transact(0, dialect.code(method), self._named(name), deadline=deadline)
        in_union = method == "checkService" and dialect.checks_in_union
        found = read_found(dialect, answer, in_union=in_union)
        if found is None:
            self._thread.say(*map(commands.Release, objects.handles(answer.data, answer.offsets)))
        return found

    def _list_in_c(self, priorities: DumpPriority, deadline: Deadline) -> tuple[str, ...]:
        """One call for each name, until the index is refused."""
        names: list[str] = []
        code = self.dialect.code("listServices")
        while True:
            data = self.dialect.request().int32(len(names)).int32(priorities)
            try:
                names.append(read_name(self._thread.transact(0, code, data, deadline=deadline)))
            except StatusError as error:
                if error.status != StatusCode.PERMISSION_DENIED:
                    raise
                return tuple(names)

    def _callback_node(self, descriptor: str, method: Callable[[Call], None]) -> Node:
        file = self._thread.file
        if file.spawn_looper is None:
            raise UsageError(f"{file} serves no calls, so no callback would arrive: call `serve` first.")

        def methods(call: Call) -> None:
            if call.code != ONLY_METHOD:
                raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
            method(call)

        return file.add_node(Interface(descriptor=descriptor, methods=methods, wire=self.dialect.wire))

    @staticmethod
    def _kept(call: Call) -> Object:
        """The object at this place of a call's data; a handle is acquired, so that it outlives the call."""
        found = call.data.binder()
        if found is None:
            raise StatusError(StatusCode.UNEXPECTED_NULL)
        if isinstance(found, int):
            call.thread.say(commands.Acquire(found))
        return found
