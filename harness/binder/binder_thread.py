"""Calls and replies on one remote thread: what libbinder's IPCThreadState does, with each step in view."""

from __future__ import annotations

import errno
import os
from typing import NoReturn

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError, UsageError
from harness.agent.errors import AgentDiedError
from harness.agent.thread import RemoteThread
from harness.binder.abi import commands, objects, returns
from harness.binder.abi.commands import Command
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import TransactionFlag
from harness.binder.abi.uapi import BinderReturn
from harness.binder.binder_file import BinderFile
from harness.binder.call import Call, Data, RemotePayload
from harness.binder.controls import Controls
from harness.binder.driver_thread import CALL_SECONDS, READ_SIZE, InterruptedThreadError
from harness.binder.errors import DriverRefusedError, RemoteError, StatusError, transaction_error
from harness.binder.parcels.parcel import Parcel
from harness.binder.parcels.reader import ParcelReader
from harness.binder.parcels.status import StatusCode
from harness.binder.parcels.wire_format import WireFormat
from harness.binder.received import ReceivedBuffer

_IDLE_SECONDS = 3600.0
_ACCEPTED = (returns.TransactionComplete, returns.OnewaySpamSuspect, returns.TransactionPendingFrozen)
_FAILED = (returns.DeadReply, returns.FailedReply, returns.FrozenReply)


class BinderThread(Controls):
    """One thread's calls. While it waits for a reply it also serves calls that come back to it."""

    def __init__(self, file: BinderFile, remote: RemoteThread) -> None:
        super().__init__(file, remote)
        self._outgoing = b""
        self._outgoing_payload = b""

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
        """Call an object and read its reply, whose buffer is free again when this returns.

        Handles in the reply are acquired first and file descriptors are the process's own: both are the
        caller's to give back. (Descriptors in a BINDER_TYPE_FDA are closed with the buffer: use `call`.)
        A one-way call returns an empty reader. The reply is taken to be in the wire format of `data`.
        Raises the errors of `call`, and StatusError.
        """
        if one_way:
            self.post(handle, code, data, flags=flags, deadline=deadline)
            return ParcelReader(b"")
        reply = self.call(handle, code, data, flags=flags, deadline=deadline)
        try:
            reader = reply.reader(data.wire if isinstance(data, Parcel) else WireFormat.ANDROID_13)
            self._queue(*map(commands.Acquire, objects.handles(reader.data, reader.offsets)))
        finally:
            self._queue(reply.released())
            self._flush()
        if TransactionFlag.TF_STATUS_CODE in reply.flags:
            raise StatusError(reader.int32())
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
        """Call an object and leave the reply where the driver put it, for the caller to free.

        Raises TransactionTooLargeError, TransactionFailedError, DeadObjectError or FrozenError as the
        driver answers; TimeLimitError at the deadline (10 s unless given), after which the driver has
        forgotten the call, and this thread with it (BINDER_THREAD_EXIT).
        """
        answer = self._converse(handle, code, data or Parcel(), flags, (returns.Reply, *_FAILED), deadline)
        assert isinstance(answer, returns.Reply)
        return ReceivedBuffer(self, answer)

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
        return self._converse(handle, code, data or Parcel(), flags, (*_ACCEPTED, *_FAILED), deadline)

    def say(self, *words: Command) -> None:
        """Carry commands out at once, reading nothing."""
        self._queue(*words)
        self._flush()

    def serve_until_interrupted(self, entry: Command) -> NoReturn:
        """Join the pool of loopers and serve calls; ends by raising InterruptedThreadError."""
        self._queue(entry)
        while True:
            try:
                self.serve_once(Deadline(_IDLE_SECONDS))
            except TimeLimitError:
                continue

    def serve_once(self, deadline: Deadline) -> None:
        """Wait for the driver to say something, and do what it says."""
        for said in self._exchange(deadline):
            self._obey(said)

    def _converse(
        self,
        handle: int,
        code: int,
        data: Data,
        flags: TransactionFlag,
        awaited: tuple[type[Return], ...],
        deadline: Deadline | None,
    ) -> Return:
        """Send a transaction and do what the driver says until it says what was awaited."""
        deadline = deadline or Deadline(CALL_SECONDS)
        self._queue(self._load(commands.Transaction, commands.TransactionSg, data, flags, handle, code))
        answer: Return | None = None
        try:
            while answer is None:
                for said in self._exchange(deadline):
                    if isinstance(said, awaited):
                        answer = said
                    else:
                        self._obey(said)
        except TimeLimitError as error:
            self.thread_exit()
            raise TimeLimitError(
                f"code {code} to handle {handle} from {self}: no reply within {deadline.seconds:g} s. "
                "The object is busy, or nobody serves it."
            ) from error
        self._flush()
        if isinstance(answer, _FAILED):
            self._raise_failure(answer, handle, data)
        return answer

    def _raise_failure(self, answer: Return, handle: int, data: Data) -> NoReturn:
        try:
            error_number = -self.extended_error().param or None
        except OSError:
            error_number = None  # a driver before Linux 5.19
        target = self.file.targets.get(handle)
        raise transaction_error(
            BinderReturn(answer.TAG),
            error_number,
            data.size,
            mapping=None if target is None else target.size,
            room=None if target is None else target.room,
        )

    def _load(
        self,
        plain: type[commands.Transaction | commands.Reply],
        scatter_gather: type[commands.TransactionSg | commands.ReplySg],
        data: Data,
        flags: TransactionFlag,
        handle: int = 0,
        code: int = 0,
    ) -> Command:
        """The command that sends `data`, and the data made ready to travel with it."""
        if isinstance(data, RemotePayload):
            return plain(
                target=handle,
                code=code,
                flags=flags,
                data_size=data.size,
                offsets_size=data.offsets_size,
                buffer=data.address,
                offsets=data.offsets,
            )
        address = self.payload_address(data.placed_size)
        placed = data.place(address)
        self._outgoing_payload = placed.memory
        loaded = plain(
            target=handle,
            code=code,
            flags=flags,
            data_size=placed.data_size,
            offsets_size=placed.offsets_size,
            buffer=address,
            offsets=placed.offsets,
        )
        if not placed.buffers_size:
            return loaded
        return scatter_gather.unpack(loaded.pack() + placed.buffers_size.to_bytes(8, "little"))

    def _queue(self, *words: Command) -> None:
        self._outgoing += commands.compose(*words)

    def _take_outgoing(self) -> tuple[bytes, bytes]:
        outgoing = self._outgoing, self._outgoing_payload
        self._outgoing = self._outgoing_payload = b""
        return outgoing

    def _flush(self) -> None:
        write, payload = self._take_outgoing()
        if write:
            self.write_read(write, payload=payload)

    def _exchange(self, deadline: Deadline) -> list[Return]:
        """Send what is queued and wait for an answer; a wait that a signal ended is taken up again."""
        write, payload = self._take_outgoing()
        while True:
            try:
                return self.write_read(write, READ_SIZE, payload=payload, deadline=deadline).returns
            except DriverRefusedError as error:
                if error.errno != errno.EINTR:
                    raise
                write = write[error.write_consumed :]

    def _obey(self, said: Return) -> None:
        match said:
            case returns.Transaction():
                self._handle(Call(self, said))
            case returns.Increfs(ptr, cookie):
                self._queue(commands.IncrefsDone(ptr, cookie))
            case returns.Acquire(ptr, cookie):
                self._queue(commands.AcquireDone(ptr, cookie))
            case returns.DeadBinder(cookie):
                self._queue(commands.DeadBinderDone(cookie))
                self.file.notify(said)
            case returns.FrozenBinder(cookie):
                self._queue(commands.FreezeNotificationDone(cookie))
                self.file.notify(said)
            case returns.ClearDeathNotificationDone() | returns.ClearFreezeNotificationDone():
                self.file.notify(said)
            case returns.SpawnLooper():
                if self.file.spawn_looper is not None:
                    self.file.spawn_looper()
            case returns.Error(error):
                raise OSError(-error, f"BR_ERROR on {self}: {os.strerror(-error)}")

    def _handle(self, call: Call) -> None:
        """Run the handler; the freeing of the buffer and the reply go out with the next exchange."""
        flags = TransactionFlag(0)
        reply: Data | None
        try:
            handler = self.file.handler(call.target)
            if handler is None:
                raise StatusError(StatusCode.UNKNOWN_TRANSACTION)
            reply = _checked(handler(call))
        except (InterruptedThreadError, AgentDiedError):
            raise
        except StatusError as error:
            flags, reply = TransactionFlag.TF_STATUS_CODE, Parcel().int32(error.status)
        except RemoteError as error:
            reply = Parcel().exception(error)
        except Exception as error:
            self.file.handler_errors.append(error)
            flags, reply = TransactionFlag.TF_STATUS_CODE, Parcel().int32(StatusCode.UNKNOWN_ERROR)
        if not call.kept:
            self._queue(call.buffer.released())
        if not call.one_way:
            self._queue(self._load(commands.Reply, commands.ReplySg, reply or Parcel(), flags))


def _checked(reply: object) -> Data | None:
    """What a handler returned; UsageError where that can be no reply."""
    if reply is None or isinstance(reply, Parcel | RemotePayload):
        return reply
    raise UsageError(
        f"a handler returned {reply!r}, of type {type(reply).__name__}: it has to return a Parcel, such as "
        "Parcel().string16('text'), a RemotePayload, or None for an empty reply."
    )
