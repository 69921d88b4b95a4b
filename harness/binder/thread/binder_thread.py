"""One thread's use of Binder: it sends transactions, and acts on what the driver returns meanwhile.

This is what libbinder's IPCThreadState does, with access to each step.
"""

from __future__ import annotations

import errno
import os
import posixpath
import threading
from collections.abc import Callable
from typing import NoReturn

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.thread import RemoteThread
from harness.argument_types import checked_methods
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderIoctl, BinderReturn
from harness.binder.driver.command_queue import CommandQueue
from harness.binder.driver.controls import Controls
from harness.binder.driver.ioctls import CALL_SECONDS, Exchange, ThreadIoctls
from harness.binder.driver.one_trip import CALL, LATER_REPLY, REPLY_TO_CALL, Content
from harness.binder.driver.open_file import OpenFile
from harness.binder.driver.payload import Data
from harness.binder.driver.received import ReceivedBuffer
from harness.binder.errors import StatusError, UnknownHandleError, transaction_error
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.thread.notifications import Delivered, Notifications
from harness.binder.thread.references import References

CONTEXT_MANAGER_HANDLE = 0
"""What every process has."""
UNKNOWN_HANDLE = (None, errno.EINVAL, errno.ENOENT)
"""What a call to an unknown handle ends in: nothing that can be asked for, the driver's in C, and in Rust."""
_ACCEPTED = (returns.TransactionComplete, returns.OnewaySpamSuspect, returns.TransactionPendingFrozen)
_FAILED = (returns.DeadReply, returns.FailedReply, returns.FrozenReply)


OnTransaction = Callable[["BinderThread", returns.Transaction, Content | None], None]


class SharedState:
    """What all threads of one open file share: where incoming calls and notifications go.

    libbinder keeps the same in ProcessState.
    """

    def __init__(self, file: OpenFile, on_transaction: OnTransaction) -> None:
        self.file = file
        self.on_transaction = on_transaction
        """Handles an incoming call on the thread that received it, and queues the reply there; the content
        of the call where that came with it."""
        self.delivered = Delivered(str(file))
        self.spawn_looper: Callable[[], None] | None = None
        """Starts the thread that the driver requests with BR_SPAWN_LOOPER; None while nobody serves."""
        self._lock = threading.Lock()
        self._spare: ThreadIoctls | None = None

    def start_thread(self) -> BinderThread:
        """Another thread of the process, on the same file."""
        return BinderThread(self, self.file.process.start_thread())

    def spare(self) -> ThreadIoctls:
        """A thread that never waits in the driver, for commands that any thread may write."""
        with self._lock:
            if self._spare is None:
                self._spare = ThreadIoctls(self.file, self.file.process.start_thread())
            return self._spare


@checked_methods
class BinderThread:
    """One thread of a process on an open binder file.

    While it waits for a reply it also serves the calls that come back to it.
    """

    def __init__(self, shared: SharedState, remote: RemoteThread) -> None:
        self.shared = shared
        self.file = shared.file
        self.remote = remote
        self.ioctls = ThreadIoctls(shared.file, remote)
        self.queue = CommandQueue(self.ioctls)
        self.controls = Controls(self.ioctls)
        self.references = References(self.queue)
        self.notifications = Notifications(
            self.queue,
            shared.delivered,
            known_handles=self._known_handles,
            is_served=lambda: shared.spawn_looper is not None,
            serve_once=self.serve_once,
        )

    def __str__(self) -> str:
        return str(self.ioctls)

    def transact(
        self,
        handle: int,
        code: int,
        data: Data | None = None,
        *,
        one_way: bool = False,
        flags: TransactionFlag = TransactionFlag.TF_ACCEPT_FDS,
        deadline: Deadline | None = None,
    ) -> ParcelReader:
        """Call an object and read its reply, whose buffer is freed when this returns.

        Handles in the reply are acquired first, and file descriptors are the process's own: the caller has
        to release and close them. (Descriptors in a BINDER_TYPE_FDA are closed with the buffer: use `call`.)
        A one-way call returns an empty reader. The reply is read in the wire format of `data`.
        Raises the errors of `call`, and StatusError.
        """
        if one_way:
            self.post(handle, code, data, flags=flags, deadline=deadline)
            return ParcelReader(b"")
        wire = data.wire if isinstance(data, Parcel) else WireFormat.ANDROID_13
        transaction = commands.Transaction(target=handle, code=code, flags=flags)
        answer, content = self._call(transaction, data, deadline, fetch=True)
        if content is not None and content.freed:
            reader = ParcelReader(content.data, wire=wire)
        else:
            reader = self._read_and_free(ReceivedBuffer(self.ioctls, answer, content), wire)
        if TransactionFlag.TF_STATUS_CODE in answer.flags:
            raise StatusError(reader.int32())
        return reader

    def _read_and_free(self, reply: ReceivedBuffer, wire: WireFormat) -> ParcelReader:
        """A copy of a reply, whose handles are acquired."""
        try:
            reader = reply.reader(wire)
            self.queue.add(*map(commands.Acquire, objects.handles(reader.data, reader.offsets)))
        finally:
            self.queue.write(reply.released())
        return reader

    def call(
        self,
        handle: int,
        code: int,
        data: Data | None = None,
        *,
        flags: TransactionFlag = TransactionFlag.TF_ACCEPT_FDS,
        deadline: Deadline | None = None,
    ) -> ReceivedBuffer:
        """Call an object and leave the reply in the mapping, for the caller to free.

        Raises TransactionTooLargeError, TransactionFailedError, DeadObjectError or FrozenError as the
        driver returns them; TimeLimitError at the deadline (10 s unless given): then the driver has
        dropped the call and this thread's state (BINDER_THREAD_EXIT).
        """
        transaction = commands.Transaction(target=handle, code=code, flags=flags)
        return ReceivedBuffer(self.ioctls, self._call(transaction, data, deadline)[0])

    def post(
        self,
        handle: int,
        code: int,
        data: Data | None = None,
        *,
        flags: TransactionFlag = TransactionFlag.TF_ACCEPT_FDS,
        deadline: Deadline | None = None,
    ) -> Return:
        """Call an object one-way: TransactionComplete, OnewaySpamSuspect or TransactionPendingFrozen.

        Raises the errors of `call`.
        """
        flags |= TransactionFlag.TF_ONE_WAY
        transaction = commands.Transaction(target=handle, code=code, flags=flags)
        return self._transact(transaction, data, (*_ACCEPTED, *_FAILED), deadline)[0]

    def serve_once(self, deadline: Deadline, *, as_looper: bool = False) -> None:
        """Wait until the driver returns something, and act on it.

        Calls to the process, and its notifications, come to a looper alone with the driver in Rust: write
        BC_ENTER_LOOPER (`queue.write(commands.EnterLooper())`) before, as `Binder.serve` does.
        `as_looper`: also send the reply to the last call and wait for the next one in the same round trip.
        """
        self._act_on_all(self.queue.exchange(deadline, CALL if as_looper else None))

    def thread_exit(self) -> None:
        """BINDER_THREAD_EXIT: the driver drops this thread's state, and its calls to and from others."""
        self.ioctls.ioctl(BinderIoctl.BINDER_THREAD_EXIT)
        self.notifications.thread_exited()

    def interrupt(self) -> None:
        """From another Python thread: end the exchange in progress, and refuse every later one."""
        self.ioctls.interrupt()

    def _call(
        self,
        transaction: commands.Transaction,
        data: Data | None,
        deadline: Deadline | None,
        *,
        fetch: bool = False,
    ) -> tuple[returns.Reply, Content | None]:
        ends = (returns.Reply, *_FAILED)
        answer, content = self._transact(transaction, data, ends, deadline, fetch=fetch)
        assert isinstance(answer, returns.Reply)
        return answer, content

    def _transact(
        self,
        transaction: commands.Transaction,
        data: Data | None,
        ends: tuple[type[Return], ...],
        deadline: Deadline | None,
        *,
        fetch: bool = False,
    ) -> tuple[Return, Content | None]:
        """Send a transaction, and act on what the driver returns until it returns one of `ends`.

        With `fetch`, the content of a reply comes in the same round trip, if it is small; data without
        objects are freed, then.
        """
        deadline = deadline or Deadline(CALL_SECONDS)
        self.queue.add_carrier(transaction, data)
        answer: Return | None = None
        awaited = REPLY_TO_CALL if fetch else None
        try:
            while answer is None:
                exchange = self.queue.exchange(deadline, awaited)
                answer = self._act_on_all(exchange, ends)
                awaited = LATER_REPLY if fetch else None
        except TimeLimitError as error:
            self.thread_exit()
            raise TimeLimitError(
                f"code {transaction.code} to handle {transaction.target} from {self}: no reply within "
                f"{deadline.seconds:g} s. The object is busy, or nobody serves it."
            ) from error
        self.queue.write()
        if isinstance(answer, _FAILED):
            self._raise_failure(answer, transaction.target, 0 if data is None else data.size)
        return answer, exchange.content

    def _known_handles(self) -> frozenset[int] | None:
        return self.file.process.known_handles(posixpath.basename(self.file.path))

    def _raise_failure(self, answer: Return, handle: int, size: int) -> NoReturn:
        try:
            error_number = -self.controls.extended_error().param or None
        except OSError:
            error_number = None  # a driver before Linux 5.19, or adb's shell before Android 14
        if answer.TAG == BinderReturn.BR_FAILED_REPLY and error_number in UNKNOWN_HANDLE:
            handles = self._known_handles()
            if handles is not None and handle not in {*handles, CONTEXT_MANAGER_HANDLE}:
                raise UnknownHandleError(error_number, str(self.file), handle, handles)
        target = self.file.targets.get(handle)
        raise transaction_error(
            BinderReturn(answer.TAG),
            error_number,
            size,
            mapping=None if target is None else target.size,
            room=None if target is None else target.room,
            handle=handle,
        )

    def _act_on_all(self, exchange: Exchange, ends: tuple[type[Return], ...] = ()) -> Return | None:
        """Act on what the driver returned, except for a return of `ends`, which is the result."""
        end: Return | None = None
        for returned in exchange.returns:
            if isinstance(returned, ends):
                end = returned
            else:
                self._act_on(returned, exchange.content)
        return end

    def _act_on(self, returned: Return, content: Content | None) -> None:
        """Do what a return asks for; acknowledgements and replies are queued for the next exchange."""
        match returned:
            case returns.Transaction():
                self.shared.on_transaction(self, returned, content)
            case returns.Increfs(ptr, cookie):
                self.queue.add(commands.IncrefsDone(ptr, cookie))
            case returns.Acquire(ptr, cookie):
                self.queue.add(commands.AcquireDone(ptr, cookie))
            case returns.DeadBinder(cookie):
                self.queue.add(commands.DeadBinderDone(cookie))
                self.shared.delivered.add(returned)
            case returns.FrozenBinder(cookie):
                self.queue.add(commands.FreezeNotificationDone(cookie))
                self.shared.delivered.add(returned)
            case returns.ClearDeathNotificationDone() | returns.ClearFreezeNotificationDone():
                self.shared.delivered.add(returned)
            case returns.SpawnLooper():
                if self.shared.spawn_looper is not None:
                    self.shared.spawn_looper()
            case returns.Error(error):
                raise OSError(-error, f"BR_ERROR on {self}: {os.strerror(-error)}")
