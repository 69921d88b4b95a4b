"""A host of devices reached over SSH: programs run there, files are put there once, its ports lead here."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import paramiko

from emulator.base.command import script
from emulator.base.controller import CommandStream
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError
from emulator.base.progress import step
from emulator.host.host import CleanupCommand, FinishedCommand, SupervisedProgram, shared_lock_file
from emulator.host.ssh_connection import ANSWERS_WITHIN, SshConnection
from emulator.host.ssh_program import SshProgram
from emulator.host.ssh_stream import SshStream
from emulator.host.tunnel import Tunnel
from emulator.host.watched_command import SshCleanupCommand, WatchedCommand, run_watched

FLOCK_CONFLICT = 1
"""flock(1), EXIT STATUS."""
UNUSED_DAYS = 30
"""After which a file that was put there is removed."""
DEVICE_VARIABLES = ("ANDROID_", "CUTTLEFISH_", "CVD_")
"""Prefixes of the login environment's variables that devices are started with, beside its PATH."""


class SshHost(SshConnection):
    """An open connection to a host, used as a `Host`.

    Its locks are those of all users there, unless another place for their files is given.
    """

    def __init__(self, address: str, *, lock_file: Callable[[str], str] = shared_lock_file) -> None:
        super().__init__(address)
        self._lock_file = lock_file

    def device_environment(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Those variables of a login shell that devices need, and some more."""
        needed = {
            name: value
            for name, value in self.login_environment.items()
            if name == "PATH" or name.startswith(DEVICE_VARIABLES)
        }
        return {**needed, **(environment or {})}

    def find(self, program: str) -> str | None:
        """The path of a program; None where there is none."""
        found = self.run(["sh", "-c", 'command -v -- "$1"', "sh", program], deadline=Deadline(ANSWERS_WITHIN))
        return found.output.strip() if found.status == 0 else None

    def run(
        self, command: Sequence[str], *, deadline: Deadline, environment: Mapping[str, str] | None = None
    ) -> FinishedCommand:
        """Run a command to its end."""
        return run_watched(self, command, deadline, self.device_environment(environment))

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> SupervisedProgram:
        """Start a program."""
        name = command[0].rpartition("/")[2]
        return SshProgram(self, command, log, name=name, environment=self.device_environment(environment))

    def open(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> CommandStream:
        """Start a command whose input and output stay open."""
        words = [f"{name}={value}" for name, value in self.device_environment(environment).items()]
        # A shell that outlives it reports its end: SSH itself has no number for a signal (RFC 4254, 6.10).
        line = f"{shlex.join(['env', *words, *command])}; exit $?"
        return SshStream(self.open_session(line), command[0])

    def cleanup_command(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> CleanupCommand:
        """Leave a command to be run in the end."""
        return SshCleanupCommand(self, command, self.device_environment(environment))

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep all other runs there, from any machine, from using what `name` stands for."""
        file = self._lock_file(name)
        hold = script(__file__, "hold_lock.sh", file)
        with contextlib.closing(WatchedCommand(self, hold, live=True)) as holder:
            if holder.first_line(Deadline(ANSWERS_WITHIN)) != "held\n":
                if holder.status(Deadline(ANSWERS_WITHIN)) == FLOCK_CONFLICT:
                    raise HarnessError(f"Another run has {name} on {self.address}.")
                raise SetupError(f"{file} on {self.address} cannot be locked: {holder.errors.strip()}")
            yield

    def answers(self, port: int) -> bool:
        """Whether something accepts connections on that port of its 127.0.0.1."""
        try:
            self.open_port(port).close()
        except (paramiko.SSHException, OSError):
            return False
        return True

    @contextlib.contextmanager
    def forward(self, port: int, here: int = 0) -> Iterator[int]:
        """A port of this machine's 127.0.0.1 that leads to one of its: any that is free, unless given."""
        try:
            tunnel = Tunnel(lambda: self.open_port(port), here)
        except OSError as error:
            raise SetupError(
                f"Port {here or 'any'} of 127.0.0.1 cannot be listened on: {error}. "
                "End the program that has it."
            ) from error
        with contextlib.closing(tunnel):
            yield tunnel.port

    def put(self, file: Path) -> Path:
        """The path on the host of a copy of a local file; it is put there unless it is there already."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        files = f"{self.directory}/files"
        there = f"{files}/{digest}"
        quoted = shlex.quote(files)
        if self.shell(
            f"mkdir -p -m 700 {shlex.quote(self.directory)} {quoted} && touch -c {shlex.quote(there)} && "
            f"find {quoted} -type f -mtime +{UNUSED_DAYS} -delete; "
            f"test -e {shlex.quote(there)} && echo there || true"
        ):
            return Path(there)
        partial = f"{there}.{uuid.uuid4().hex}"
        try:
            with (
                step(f"copying {file.name} to {self.name}"),
                contextlib.closing(self.open_transfer()) as transfer,
            ):
                transfer.put(str(file), partial, confirm=True)
            if self.shell(f"sha256sum {shlex.quote(partial)}").split()[0] != digest:
                raise SetupError(f"{file.name} did not arrive whole on {self.address}.")
            self.shell(f"mv {shlex.quote(partial)} {shlex.quote(there)}")
        except (paramiko.SSHException, OSError, SetupError) as error:
            with contextlib.suppress(SetupError):
                self.shell(f"rm -f {shlex.quote(partial)}")
            raise SetupError(
                f"{file.name} cannot be copied to {self.address}: {error}. Files go over SFTP: sshd_config "
                "there needs a line `Subsystem sftp …`, and the disk needs room."
            ) from error
        return Path(there)
