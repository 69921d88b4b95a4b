"""A client of the activity manager over Binder: sends broadcasts, registers receivers, binds services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from emulator.base.deadline import Deadline
from emulator.base.errors import FacilityMissingError, HarnessError
from harness.argument_types import checked_methods
from harness.binder.abi.objects import Node
from harness.binder.driver.ioctls import CALL_SECONDS
from harness.binder.driver.open_file import binder_vm_size
from harness.binder.endpoint import Binder
from harness.binder.errors import TransactionTooLargeError
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.services.service_manager import ServiceManager
from harness.binder.thread.binder_thread import BinderThread
from harness.framework.bundle import Bundle, read_bundle, write_bundle
from harness.framework.dialect import LAST_WITH_NATIVE_RECEIVERS, Dialect, dialect_of, standin_release
from harness.framework.intent import (
    USER_CURRENT,
    Intent,
    IntentFilter,
    read_intent,
    write_filter,
    write_intent,
)
from harness.framework.transaction_codes import ACTIVITY_MANAGER

if TYPE_CHECKING:
    from harness.device.device import Device

SERVICE_NAME = "activity"
PACKAGE = "com.android.shell"
"""The package that native processes call as: that of adb's user."""
USER_ALL = -1
OP_NONE = -1
"""android.app.AppOpsManager: no operation."""
RECEIVER_EXPORTED = 2
"""android.content.Context, from 13 on: the receiver takes broadcasts of any user id, as all did before."""
BROADCAST_SUCCESS = 0
BROADCAST_FAILED_USER_STOPPED = -2
"""android.app.ActivityManager: what broadcasting returns."""


class IntentTooLargeError(HarnessError):
    """An Intent does not fit into the activity manager's mapping. Sizes are in bytes."""

    def __init__(self, intent_size: int, call_size: int, limit: int) -> None:
        self.intent_size = intent_size
        self.call_size = call_size
        self.limit = limit
        """What libbinder maps: the space for all unfinished transactions to a process together."""
        super().__init__(
            f"the Intent's parcel has {intent_size:,} bytes, the whole call {call_size:,}; the limit is "
            f"{limit:,} bytes, which the activity manager maps for all unfinished calls to it. A receiver "
            f"gets the Intent in a one-way call, for which the limit is half: {limit // 2:,}. Send less, or "
            "a content URI."
        )


class NativeReceiverRefusedError(FacilityMissingError):
    """A process that is not an app cannot receive broadcasts on this release."""

    def __init__(self, release: int) -> None:
        super().__init__(
            f"On Android {release} a native process can send broadcasts, but not receive them: from "
            f"{LAST_WITH_NATIVE_RECEIVERS + 1} on registerReceiver returns null to a process that is not an "
            "app, and the result of an ordered broadcast is not delivered to it. Use a receiver in an app, "
            "or a device with Android 11 to 13, or the embedded one, where any process can receive."
        )


@checked_methods
@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastResult:
    """The result of an ordered broadcast: each receiver may change it, and its sender gets the last one."""

    code: int = 0
    data: str | None = None
    extras: Bundle | None = None
    abort: bool = False
    """From a receiver only: the receivers after it do not get the broadcast."""


@dataclass(frozen=True, slots=True)
class ReceivedBroadcast:
    """A broadcast as a receiver gets it, or the end of an ordered one as its sender gets it."""

    intent: Intent
    result: BroadcastResult
    ordered: bool
    sticky: bool
    user: int
    size: int
    """Bytes of the transaction's data."""


@checked_methods
class ActivityManager:
    """The object registered as “activity”, called from one thread, in the dialect of its release.

    Every method waits 10 s at most unless given a deadline. It raises what BinderThread.transact does, and
    RemoteError for a call that the activity manager refuses.
    """

    def __init__(self, binder: Binder, handle: int, dialect: Dialect) -> None:
        self.binder = binder
        self.handle = handle
        self.dialect = dialect
        self.wire = dialect.layout.wire
        self.release = dialect.release

    @classmethod
    def find(
        cls,
        device: Device,
        binder: Binder,
        *,
        manager: ServiceManager | None = None,
        deadline: Deadline | None = None,
    ) -> Self:
        """Look it up at the service manager, from a process of the device.

        Raises FacilityMissingError where nothing is registered as “activity”, and what `dialect_of` does.
        """
        manager = manager or ServiceManager(binder)
        handle = manager.check(SERVICE_NAME, deadline=deadline)
        if not isinstance(handle, int):
            raise FacilityMissingError(
                f"No service is registered as {SERVICE_NAME!r}: this device has no framework, or not yet."
            )
        return cls(binder, handle, dialect_of(device) or Dialect.of_release(standin_release(device.facts)))

    def broadcast(
        self,
        intent: Intent,
        *,
        ordered: bool = False,
        result_to: Node | None = None,
        result: BroadcastResult | None = None,
        user: int = USER_CURRENT,
        deadline: Deadline | None = None,
    ) -> int:
        """broadcastIntent(WithFeature): BROADCAST_SUCCESS, or the code for why no receiver gets it.

        `result_to` gets the result at the end, which starts as `result`. Raises IntentTooLargeError for an
        Intent that does not fit, NativeReceiverRefusedError where `result_to` would never get a result.
        """
        if result_to is not None:
            self._require_native_receivers()
        result = result or BroadcastResult()
        data = self._request()
        self._feature(data.null_binder())
        start = data.size
        self._intent(data, intent)
        intent_size = data.size - start
        data.string16(intent.type)
        _binder(data, result_to).int32(result.code).string16(result.data)
        self._bundle(data, result.extras)
        # Permissions that receivers need; permissions that exclude them (12); excluded packages (13).
        for _ in range(1 + (self.release >= 12) + (self.release >= 13)):
            data.string16_array(None)
        data.int32(OP_NONE)
        self._bundle(data, None)
        data.boolean(ordered).boolean(False).int32(user)
        try:
            return self._call(self._with_feature("broadcastIntent"), data, deadline).int32()
        except TransactionTooLargeError as error:
            limit = binder_vm_size(self.binder.process.page_size)
            raise IntentTooLargeError(intent_size, error.size, limit) from error

    def register_receiver(
        self,
        receiver: Node,
        intent_filter: IntentFilter,
        *,
        package: str = PACKAGE,
        user: int = USER_CURRENT,
        deadline: Deadline | None = None,
    ) -> Intent | None:
        """registerReceiver(WithFeature): the sticky Intent that the filter matches, if any.

        Raises NativeReceiverRefusedError from Android 14 on.
        """
        self._require_native_receivers()
        data = self._request()
        self._feature(data.null_binder().string16(package))
        if self.release >= 12:
            data.string16(None)  # the receiver's id
        _binder(data, receiver).int32(1)
        write_filter(data, intent_filter)
        data.string16(None).int32(user).int32(RECEIVER_EXPORTED if self.release >= 13 else 0)
        reply = self._call(self._with_feature("registerReceiver"), data, deadline)
        return read_intent(reply, layout=self.dialect.layout) if reply.boolean() else None

    def unregister_receiver(self, receiver: Node, *, deadline: Deadline | None = None) -> None:
        """unregisterReceiver."""
        self._call("unregisterReceiver", _binder(self._request(), receiver), deadline)

    def finish_receiver(
        self, thread: BinderThread, receiver: Node, result: BroadcastResult, *, flags: int = 0
    ) -> None:
        """finishReceiver, one-way, from `thread`: an ordered broadcast goes on to the next receiver."""
        data = _binder(self._request(), receiver).int32(result.code).string16(result.data)
        self._bundle(data, result.extras)
        data.boolean(result.abort).int32(flags)
        thread.post(self.handle, self.dialect.code("finishReceiver"), data)

    def attach_application(self, thread: Node, *, deadline: Deadline | None = None) -> None:
        """attachApplication; Android's own takes only processes that zygote started for it."""
        self._call("attachApplication", _binder(self._request(), thread).int64(0), deadline)

    def bind_service(
        self,
        caller: Node,
        intent: Intent,
        connection: Node,
        *,
        flags: int = 1,
        deadline: Deadline | None = None,
    ) -> bool:
        """bindService: whether there is such a service. `flags` is BIND_AUTO_CREATE (Context.java)."""
        data = _binder(self._request(), caller).null_binder()
        self._intent(data, intent)
        _binder(data.string16(intent.type), connection)
        if self.release < 14:
            data.int32(flags)
        else:
            data.int64(flags)
        data.string16(PACKAGE).int32(0)
        return self._call("bindService", data, deadline).int32() > 0

    def unbind_service(self, connection: Node, *, deadline: Deadline | None = None) -> bool:
        """unbindService: whether it was bound."""
        return self._call("unbindService", _binder(self._request(), connection), deadline).boolean()

    def publish_service(self, thread: BinderThread, token: int, intent: Intent, service: Node) -> None:
        """publishService, from `thread`: what onBind returned."""
        data = self._request().handle(token)
        self._intent(data, intent)
        code = self.dialect.code("publishService")
        thread.transact(self.handle, code, _binder(data, service)).check_exception()

    def _request(self) -> Parcel:
        return Parcel(self.wire).interface_token(ACTIVITY_MANAGER)

    def _require_native_receivers(self) -> None:
        if not self.dialect.has_native_receivers:
            raise NativeReceiverRefusedError(self.release)

    def _with_feature(self, method: str) -> str:
        return f"{method}WithFeature" if self.dialect.has_features else method

    def _feature(self, data: Parcel) -> None:
        """The caller's feature: none."""
        if self.dialect.has_features:
            data.string16(None)

    def _intent(self, data: Parcel, intent: Intent) -> None:
        """An `in Intent` argument."""
        data.int32(1)
        write_intent(data, intent, layout=self.dialect.layout)

    def _bundle(self, data: Parcel, bundle: Bundle | None) -> None:
        """An `in Bundle` argument."""
        data.boolean(bundle is not None)
        if bundle is not None:
            write_bundle(data, bundle, layout=self.dialect.layout)

    def _call(self, method: str, data: Parcel, deadline: Deadline | None) -> ParcelReader:
        reply = self.binder.transact(
            self.handle, self.dialect.code(method), data, deadline=deadline or Deadline(CALL_SECONDS)
        )
        return reply.check_exception()


def read_broadcast(reader: ParcelReader) -> ReceivedBroadcast:
    """The arguments of IIntentReceiver.performReceive; ParcelError for anything else."""
    intent = read_intent(reader) if reader.boolean() else Intent()
    code, data = reader.int32(), reader.string16()
    extras = read_bundle(reader) if reader.boolean() else None
    ordered, sticky, user = reader.boolean(), reader.boolean(), reader.int32()
    result = BroadcastResult(code=code, data=data, extras=extras)
    return ReceivedBroadcast(intent, result, ordered, sticky, user, len(reader.data))


def _binder(data: Parcel, node: Node | None) -> Parcel:
    return data.null_binder() if node is None else data.node(node)
