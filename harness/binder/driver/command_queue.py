"""The commands that a thread writes: queued until its next exchange with the driver."""

from __future__ import annotations

import errno

from emulator.base.deadline import Deadline
from harness.agent.operations import Write
from harness.binder.abi import commands
from harness.binder.abi.commands import Command
from harness.binder.abi.uapi import BinderCommand
from harness.binder.driver.ioctls import READ_SIZE, Exchange, ThreadIoctls
from harness.binder.driver.known_commands import knows_command
from harness.binder.driver.one_trip import Awaited
from harness.binder.driver.payload import Carrier, Data, Loaded
from harness.binder.errors import DriverRefusedError


class CommandQueue:
    """Commands of one thread that wait for its next BINDER_WRITE_READ, as libbinder's mOut does.

    A queue takes one transaction or reply at a time: the thread has memory for one payload.
    """

    def __init__(self, ioctls: ThreadIoctls) -> None:
        self._ioctls = ioctls
        self._commands = b""
        self._payload: Write | None = None
        self._replies = False

    def add(self, *queued: Command) -> None:
        """Queue commands."""
        for command in queued:
            self._commands += command.encode()

    def add_carrier(self, command: Carrier, data: Data | None) -> None:
        """Queue a transaction or reply that carries `data`."""
        loaded = Loaded(command) if data is None else self._ioctls.payloads.load(command, data)
        self._payload = loaded.payload
        self._replies = isinstance(command, commands.Reply)
        self.add(loaded.command)

    def write(self, *written: Command) -> None:
        """Write these commands after the queued ones, and read nothing."""
        self.add(*written)
        buffer, payload = self._take()
        if buffer:
            self._ioctls.write_read(buffer, payload=payload)

    def driver_knows(self, command: BinderCommand) -> bool:
        """Whether the driver knows a command that has a parameter; it is not carried out."""
        return knows_command(self._ioctls, command)

    def exchange(self, deadline: Deadline, awaited: Awaited | None = None) -> Exchange:
        """Write what is queued and wait for returns; a wait that a signal interrupts is continued.

        For what is awaited, a reply that is queued does not end the wait when the driver has completed it.
        """
        after_reply = self._replies and awaited is not None
        buffer, payload = self._take()
        while True:
            try:
                return self._ioctls.write_read(
                    buffer,
                    READ_SIZE,
                    payload=payload,
                    awaited=awaited,
                    after_reply=after_reply,
                    deadline=deadline,
                )
            except DriverRefusedError as error:
                if error.errno != errno.EINTR:
                    raise
                buffer = buffer[error.write_consumed :]
                after_reply = after_reply and bool(buffer)

    def _take(self) -> tuple[bytes, Write | None]:
        taken = self._commands, self._payload
        self._commands, self._payload, self._replies = b"", None, False
        return taken
