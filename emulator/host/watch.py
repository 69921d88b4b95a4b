"""What runs on a host reached over SSH, watched over there: it ends with our connection, or with our silence.

We send a byte every few seconds. A shell on the far side reads them, and when none comes, because we ended,
the connection broke off or fell silent without a word, it does what is to be done in the end. Nothing depends
on this side being there to clean up.
"""

from __future__ import annotations

import contextlib
import shlex
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.host.channel_waits import exit_status, read_to_end
from emulator.host.host import Ended

if TYPE_CHECKING:
    from emulator.host.ssh_host import SshHost

SILENCE_SECONDS = 30
"""After which the host takes the connection for broken, though nothing told it so."""
ENDS_WITHIN = 20.0

COMMON = """
# Of a connection that broke off nobody reads, and what is left to do is done all the same.
trap '' PIPE HUP

await_silence() {
    while [ -n "$(timeout "$1" head -c 1)" ]; do :; done
}
"""

# $1: a directory for this run. $2: seconds of silence. $3: `live`, or `kept`, which has the output come in
# the end: what the command leaves running may hold it open. The rest: the command, in a process group.
WATCH = (
    COMMON
    + """
directory=$1
silence=$2
output=$3
shift 3
mkdir -p -m 700 "${directory%/*}" "$directory"
exec 3<&0 4>&1
[ "$output" = live ] || exec 4> "$directory/output"
setsid "$@" < /dev/null >&4 2> "$directory/errors" 3<&- &
started=$!
exec 4>&-
(
    await_silence "$silence"
    kill -s KILL -- "-$started"
) <&3 > /dev/null 2>&1 &
wait "$started"
status=$?
[ "$output" = live ] || tail -c 1000000 "$directory/output"
tail -c 100000 "$directory/errors" >&2
rm -rf "$directory"
exit "$status"
"""
)

# $1: seconds of silence. The rest: the command.
WILL = (
    COMMON
    + """
silence=$1
shift
await_silence "$silence"
exec "$@" < /dev/null > /dev/null 2>&1
"""
)


class Watched:
    """A command on a host, and the channel over which its end is watched."""

    def __init__(
        self, host: SshHost, command: Sequence[str], *, directory: str = "", live: bool = False
    ) -> None:
        directory = directory or f"{host.directory}/run-{uuid.uuid4().hex}"
        words = ["sh", "-c", WATCH, "sh", directory, str(SILENCE_SECONDS), "live" if live else "kept"]
        self._channel = host.open_session(shlex.join([*words, *command]))
        host.keep_beating(self._channel)

    def whole_output(self, deadline: Deadline) -> str:
        """All of its output; TimeLimitError where that does not end in time."""
        return read_to_end(self._channel, self._channel.recv, deadline).decode(errors="replace")

    @property
    def output(self) -> paramiko.ChannelFile:
        """What it writes: its last megabyte, in the end, unless it is to be had live."""
        return self._channel.makefile("rb")

    def first_line(self, deadline: Deadline) -> str:
        """The first line of its live output; empty where it ends or time runs out before."""
        self._channel.settimeout(deadline.remaining())
        with contextlib.suppress(OSError), self.output as output:
            return str(output.readline(), errors="replace")
        return ""

    @property
    def errors(self) -> str:
        """The last of what it wrote to standard error; to be read once its output has ended.

        Empty where the host has fallen silent.
        """
        with contextlib.suppress(OSError):
            said = read_to_end(self._channel, self._channel.recv_stderr, Deadline(ENDS_WITHIN))
            return said.decode(errors="replace")
        return ""

    def status(self, deadline: Deadline) -> int | None:
        """Its exit status; None where it does not end in time, or the connection does first."""
        return exit_status(self._channel, deadline)

    def end(self) -> None:
        """Have it ended there, without waiting for that."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def close(self) -> None:
        """End it if it still runs, and wait until the host has said that it ended."""
        self.end()
        self.status(Deadline(ENDS_WITHIN))
        self._channel.close()


def call(host: SshHost, command: Sequence[str], deadline: Deadline) -> Ended:
    """Run a command there to its end, or to the deadline; SetupError where the connection breaks off.

    What it wrote is awaited for 20 s more; SetupError where the host has fallen silent by then.
    """
    watched = Watched(host, command)
    with contextlib.closing(watched):
        status = watched.status(deadline)
        if status is None:
            if not deadline.expired:
                raise SetupError(f"The connection to {host.address} broke off during `{' '.join(command)}`.")
            watched.end()
        try:
            return Ended(status, watched.whole_output(Deadline(ENDS_WITHIN)), watched.errors)
        except OSError as error:
            raise SetupError(f"{host.address} fell silent during `{' '.join(command)}`.") from error


class RemoteProgram:
    """A running program on a host, what it writes kept here line by line."""

    def __init__(
        self,
        host: SshHost,
        command: Sequence[str],
        log: Path,
        *,
        name: str,
        errors: Path | None = None,
        directory: str = "",
    ) -> None:
        self.name = name
        self.said = Console(log)
        self._errors = errors
        if errors is None:
            command = ["sh", "-c", 'exec "$@" 2>&1', "sh", *command]
        self._watched = Watched(host, command, directory=directory, live=True)
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._watched.output as output:
            self.said.read_from(output)
        # A panic ends the reading: let the program end, too.
        self._watched.end()
        if self._errors is not None:
            self._errors.write_text(self._watched.errors)

    @property
    def complaint(self) -> str:
        """What it wrote to standard error, once it has ended."""
        if self._errors is None or not self._errors.exists():
            return ""
        return self._errors.read_text(errors="replace").strip()

    @property
    def alive(self) -> bool:
        """Whether it runs and the connection holds."""
        return self._reader.is_alive()

    def wait(self, deadline: Deadline) -> bool:
        """Wait for its end; whether it came in time."""
        self._reader.join(deadline.remaining())
        return not self.alive

    def how_it_ended(self) -> str:
        """Whether and how it ended, with the last lines of what it wrote."""
        status = None if self.alive else self._watched.status(Deadline(ENDS_WITHIN))
        ended = "runs" if self.alive else f"ended with status {status}"
        if not self.alive and status is None:
            ended = "is lost: the connection to its host broke off"
        return f"{self.name} {ended}. Its last lines ({self.said.log}):\n{self.said.tail()}"

    def close(self) -> None:
        """End it and all of its process group, and wait for that; closing twice does nothing."""
        self._watched.close()
        self._reader.join(ENDS_WITHIN)


class RemoteWill:
    """A command that a host runs when told to, or when it hears no more of us."""

    def __init__(self, host: SshHost, command: Sequence[str]) -> None:
        words = ["sh", "-c", WILL, "sh", str(SILENCE_SECONDS), *command]
        self._channel = host.open_session(shlex.join(words))
        host.keep_beating(self._channel)

    def execute(self, deadline: Deadline) -> int | None:
        """Run the command now and wait for its end; its status, None where that cannot be told in time."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()
        return exit_status(self._channel, deadline)
