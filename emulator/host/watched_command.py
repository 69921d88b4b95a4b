"""Commands on a host reached over SSH, watched from its side: they end with our connection or our silence.

We send a byte every few seconds. A shell on the host reads them. When none arrives any more, because we ended
or the connection broke, with or without a close, that shell ends the command. So nothing depends on this side
to clean up. The command's environment arrives before those bytes: on a command line, `ps` would show it to
every user of the host.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

import paramiko

from emulator.base.command import script, shown
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.host.host import FinishedCommand
from emulator.host.ssh_channel import exit_status, read_to_end

SILENCE_SECONDS = 30
"""After which the host takes the connection for broken, even where nothing has closed it."""
STARTS_WITHIN = 60.0
ENDS_WITHIN = 20.0

READY = b"ready\n"
"""What the clean-up writes once it has all that it needs."""


class Connection(Protocol):
    """What watching a command needs of the connection to its host."""

    @property
    def address(self) -> str:
        """The host, for messages."""
        ...

    @property
    def directory(self) -> str:
        """Our directory on the host."""
        ...

    def open_session(self, line: str) -> paramiko.Channel:
        """Start a shell line; the channel is its input and output."""
        ...

    def keep_beating(self, channel: paramiko.Channel) -> None:
        """Send a byte on this channel every few seconds."""
        ...


def exports(environment: Mapping[str, str]) -> bytes:
    """What with_environment.sh reads; variables whose names a shell cannot have are left out."""
    lines = "".join(
        f"export {name}={shlex.quote(value)}\n"
        for name, value in environment.items()
        if re.fullmatch(r"[A-Za-z_]\w*", name, flags=re.ASCII)
    )
    count = lines.count("\n")
    return os.fsencode(f"{count}\n{lines}")


def watch_command(command: Sequence[str], directory: str, *, live: bool) -> list[str]:
    """The command that runs another, and ends it when its own input falls silent or ends."""
    output = "live" if live else "kept"
    return _with_environment(script(__file__, "watch.sh", directory, str(SILENCE_SECONDS), output, *command))


def clean_up_command(command: Sequence[str]) -> list[str]:
    """The command that runs another when its own input falls silent or ends."""
    return _with_environment(script(__file__, "clean_up.sh", str(SILENCE_SECONDS), *command))


def _with_environment(command: Sequence[str]) -> list[str]:
    return script(__file__, "with_environment.sh", *command)


def _send_environment(channel: paramiko.Channel, environment: Mapping[str, str] | None) -> None:
    with contextlib.suppress(OSError, EOFError):  # of a broken connection, which shows in the status
        channel.sendall(exports(environment or {}))


class WatchedCommand:
    """A command on a host, and the SSH channel over which it is watched."""

    def __init__(
        self,
        host: Connection,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        directory: str = "",
        live: bool = False,
    ) -> None:
        directory = directory or f"{host.directory}/run-{uuid.uuid4().hex}"
        words = watch_command(command, directory, live=live)
        self.channel = host.open_session(shlex.join(words))
        """Its output: the last megabyte of it, in the end, unless it is live."""
        _send_environment(self.channel, environment)
        host.keep_beating(self.channel)

    def whole_output(self, deadline: Deadline) -> str:
        """All of its output; TimeLimitError where that does not end in time."""
        return read_to_end(self.channel, self.channel.recv, deadline).decode(errors="replace")

    def first_line(self, deadline: Deadline) -> str:
        """The first line of its live output; empty where it ends or time runs out before that."""
        self.channel.settimeout(deadline.remaining())
        with contextlib.suppress(OSError), self.channel.makefile("rb") as output:
            return str(output.readline(), errors="replace")
        return ""

    @property
    def errors(self) -> str:
        """The end of its standard error, to be read once its output has ended.

        Empty where the host no longer answers.
        """
        with contextlib.suppress(OSError):
            errors = read_to_end(self.channel, self.channel.recv_stderr, Deadline(ENDS_WITHIN))
            return errors.decode(errors="replace")
        return ""

    def status(self, deadline: Deadline) -> int | None:
        """Its exit status; None where it does not end in time, or the connection does first."""
        return exit_status(self.channel, deadline)

    def end(self) -> None:
        """Have the host end it, without waiting for that."""
        self.channel.shutdown_write()

    def close(self) -> None:
        """End it if it still runs, and wait until the host has reported its end."""
        self.end()
        self.status(Deadline(ENDS_WITHIN))
        self.channel.close()


def run_watched(
    host: Connection,
    command: Sequence[str],
    deadline: Deadline,
    environment: Mapping[str, str] | None = None,
) -> FinishedCommand:
    """Run a command there to its end, or to the deadline; SetupError where the connection breaks.

    Its output may take 20 s more to arrive; SetupError where the host does not answer by then.
    """
    watched = WatchedCommand(host, command, environment=environment)
    with contextlib.closing(watched):
        status = watched.status(deadline)
        if status is None:
            if not deadline.expired:
                raise SetupError(f"The connection to {host.address} broke during `{shown(command)}`.")
            watched.end()
        try:
            return FinishedCommand(status, watched.whole_output(Deadline(ENDS_WITHIN)), watched.errors)
        except OSError as error:
            raise SetupError(f"{host.address} stopped answering during `{shown(command)}`.") from error


class SshCleanupCommand:
    """A command that a host runs on request, or when our heartbeat stops.

    Raises SetupError where the connection ends before the host has all that it needs for that.
    """

    def __init__(
        self, host: Connection, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._channel = host.open_session(shlex.join(clean_up_command(command)))
        _send_environment(self._channel, environment)
        host.keep_beating(self._channel)
        self._channel.settimeout(STARTS_WITHIN)
        with contextlib.suppress(OSError), self._channel.makefile("rb") as output:
            if output.read(len(READY)) == READY:
                return
        raise SetupError(f"{host.address} did not take the command `{shown(command)}` for the end.")

    def execute(self, deadline: Deadline) -> int | None:
        """Run the command now and wait for its end; its status, None where that does not arrive in time."""
        self._channel.shutdown_write()
        return exit_status(self._channel, deadline)
