"""A host of devices reached over SSH: its key verified, files put there once, its ports brought here."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import shlex
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import paramiko

from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, SetupError, UsageError
from emulator.base.progress import step
from emulator.host.address import is_host
from emulator.host.channel_order import in_order
from emulator.host.channel_waits import closed_at, exit_status, open_transfer, read_to_end
from emulator.host.host import Ended, Running, Will, lock_of_all
from emulator.host.known_hosts import RefuseUnknown, UnknownKeyError
from emulator.host.tunnel import Tunnel, send_at_once
from emulator.host.watch import RemoteProgram, RemoteWill, Watched, call

CONNECTS_WITHIN = 20.0
ANSWERS_WITHIN = 60.0
KEEPALIVE_SECONDS = 10
HEARTBEAT_SECONDS = 5.0
DIRECTORY = ".cache/binder-harness"
"""On the host, below the user's home."""
FLOCK_CONFLICT = 1
"""flock(1), EXIT STATUS."""
# $1: a file. The kernel refuses to make one in /tmp that another user has made (fs.protected_regular).
HOLD = """
(set -o noclobber; umask 333; : > "$1") 2> /dev/null
exec 9< "$1" && flock --nonblock 9 && echo held && exec sleep infinity
"""
UNUSED_DAYS = 30
"""After which a file that was put there goes."""
USERS_VARIABLES = ("ANDROID_", "CUTTLEFISH_", "CVD_")
"""What of a login's environment devices are started with, beside its PATH."""


class SshHost:
    """An open connection to a host; use as a context manager or call `close`.

    Raises SetupError, with what fixes it, when there is no such host, its key is unknown or another than
    known, or it takes none of our keys.
    """

    def __init__(self, address: str) -> None:
        if not is_host(address):
            raise UsageError(f"A host is ssh://USER@HOST or ssh://USER@HOST:PORT, not {address!r}.")
        parts = urlsplit(address)
        self.address = address
        self._name, self._port = str(parts.hostname), parts.port or paramiko.config.SSH_PORT
        # It logs with a traceback what it raises as well.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        self._client = paramiko.SSHClient()
        self._client.load_system_host_keys()
        self._client.set_missing_host_key_policy(RefuseUnknown())
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._client.close)
            self._connect(parts.username)
            on_failure.pop_all()
        transport = self._client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEPALIVE_SECONDS)
        self._transport = transport
        self._beating: tuple[paramiko.Channel, ...] = ()
        self._changing = threading.Lock()
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()

    def _connect(self, user: str | None) -> None:
        login = f"-p {self._port} {f'{user}@' if user else ''}{self._name}"
        try:
            connection = socket.create_connection((self._name, self._port), CONNECTS_WITHIN)
            send_at_once(connection)
            self._client.connect(
                self._name,
                self._port,
                user,
                sock=connection,
                banner_timeout=CONNECTS_WITHIN,
                auth_timeout=CONNECTS_WITHIN,
            )
        except paramiko.BadHostKeyException as error:
            known = paramiko.hostkeys.HostKeyEntry([self._entry], error.expected_key).to_line()
            raise SetupError(
                f"The host {self.address} has another key than ~/.ssh/known_hosts says: somebody may be "
                f"listening. If it was installed anew, remove its line:\n{known}"
            ) from error
        except UnknownKeyError as error:
            raise SetupError(str(error)) from error
        except (paramiko.SSHException, OSError) as error:
            transport = self._client.get_transport()
            if transport is None or not transport.is_active():
                raise SetupError(
                    f"The host {self.address} cannot be reached: {error}. Does `ssh {login}` work?"
                ) from error
            # It is there, and is who it should be: what failed is to be let in.
            raise SetupError(
                f"The host {self.address} takes none of our keys: {error}. Add a key of ~/.ssh or of the SSH "
                f"agent to ~/.ssh/authorized_keys there: `ssh-copy-id {login}`."
            ) from error

    @property
    def _entry(self) -> str:
        """How known_hosts names it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self._name if self._port == paramiko.config.SSH_PORT else f"[{self._name}]:{self._port}"

    def __enter__(self) -> SshHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it what was started over it."""
        self._closed.set()
        self._client.close()
        self._heart.join(ANSWERS_WITHIN)

    def keep_beating(self, channel: paramiko.Channel) -> None:
        """Send a byte on this channel every few seconds, for as long as it takes any."""
        with self._changing:
            self._beating = (*self._beating, channel)

    def _beat(self) -> None:
        while not self._closed.wait(HEARTBEAT_SECONDS):
            for channel in self._beating:
                try:
                    channel.sendall(b".")
                except (OSError, EOFError):
                    with self._changing:
                        self._beating = tuple(other for other in self._beating if other is not channel)

    def run(self, line: str) -> str:
        """What a short line of shell writes; SetupError when it fails or takes more than 60 s.

        Bytes that are no UTF-8 are kept, as os.fsdecode does.
        """
        deadline = Deadline(ANSWERS_WITHIN)
        try:
            with contextlib.closing(self.open_session(line, deadline)) as channel:
                output = read_to_end(channel, channel.recv, deadline)
                errors = read_to_end(channel, channel.recv_stderr, deadline)
                status = exit_status(channel, deadline)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SetupError(f"`{line}` on {self.address}: {error}") from error
        if status is None:
            raise SetupError(f"`{line}` on {self.address}: it has not said how that ended")
        if status != 0:
            said = errors.decode(errors="replace").strip()
            raise SetupError(f"`{line}` on {self.address} failed with status {status}: {said}")
        return output.decode(errors="surrogateescape")

    def open_session(self, line: str, deadline: Deadline | None = None) -> paramiko.Channel:
        """Start a line of shell, within 60 s; the channel is its input and output."""
        deadline = deadline or Deadline(ANSWERS_WITHIN)
        try:
            channel = in_order(self._transport.open_session(timeout=deadline.remaining()))
            with closed_at(channel, deadline):
                channel.exec_command(line.encode(errors="surrogateescape"))
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SetupError(f"Nothing can be started on {self.address}: {error}") from error
        return channel

    @functools.cached_property
    def _login(self) -> Mapping[str, str]:
        """The environment that the user has after logging in: programs are found by what ~/.profile says."""
        said = self.run('"${SHELL:-/bin/sh}" -lc \'printf "\\\\0"; env -0\'')
        variables = (entry.partition("=") for entry in said.split("\0")[1:] if "=" in entry)
        return {name: value for name, _, value in variables}

    @functools.cached_property
    def directory(self) -> str:
        """The directory there that is ours."""
        return f"{self.variable('HOME')}/{DIRECTORY}"

    def variable(self, name: str) -> str:
        """A variable of the user's environment after logging in."""
        return self._login.get(name, "")

    def as_at_login(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
        """The command, run with what of the user's environment devices need, and some variables more."""
        wanted = {
            name: value
            for name, value in self._login.items()
            if name == "PATH" or name.startswith(USERS_VARIABLES)
        }
        return [
            "env",
            *(f"{name}={value}" for name, value in {**wanted, **(environment or {})}.items()),
            *command,
        ]

    def find(self, program: str) -> str | None:
        """Where a program lies."""
        found = self.call(
            ["sh", "-c", 'command -v -- "$1"', "sh", program], deadline=Deadline(ANSWERS_WITHIN)
        )
        return found.output.strip() if found.status == 0 else None

    def call(
        self, command: Sequence[str], *, deadline: Deadline, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Run a command to its end."""
        return call(self, self.as_at_login(command, environment), deadline)

    def start(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> Running:
        """Start a program."""
        return RemoteProgram(
            self, self.as_at_login(command, environment), log, name=command[0].rpartition("/")[2]
        )

    def cleanup_command(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> Will:
        """Have a command run in the end."""
        return RemoteWill(self, self.as_at_login(command, environment))

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Keep what `name` stands for from all other runs there, whichever machine they come from."""
        file = lock_of_all(name)
        with contextlib.closing(Watched(self, ["sh", "-c", HOLD, "sh", file], live=True)) as watched:
            if watched.first_line(Deadline(ANSWERS_WITHIN)) != "held\n":
                if watched.status(Deadline(ANSWERS_WITHIN)) == FLOCK_CONFLICT:
                    raise HarnessError(f"Another run has {name} on {self.address}.")
                raise SetupError(f"{file} on {self.address} cannot be locked: {watched.errors.strip()}")
            yield

    def answers(self, port: int) -> bool:
        """Whether something accepts connections on that port of its 127.0.0.1."""
        try:
            self._open_port(port).close()
        except (paramiko.SSHException, OSError):
            return False
        return True

    @contextlib.contextmanager
    def forward(self, port: int, here: int = 0) -> Iterator[int]:
        """A port of this machine's 127.0.0.1 that leads to one of its: any that is free, unless given."""
        try:
            tunnel = Tunnel(lambda: self._open_port(port), here)
        except OSError as error:
            raise SetupError(
                f"Port {here or 'any'} of 127.0.0.1 cannot be listened on: {error}. End what has taken it."
            ) from error
        with contextlib.closing(tunnel):
            yield tunnel.port

    def _open_port(self, port: int) -> paramiko.Channel:
        here, there = ("127.0.0.1", 0), ("127.0.0.1", port)
        return in_order(self._transport.open_channel("direct-tcpip", there, here, timeout=CONNECTS_WITHIN))

    def put(self, file: Path) -> Path:
        """Where the content of a local file lies on the host: put there unless it is there already."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        files = f"{self.directory}/files"
        there = f"{files}/{digest}"
        quoted = shlex.quote(files)
        if self.run(
            f"mkdir -p -m 700 {shlex.quote(self.directory)} {quoted} && touch -c {shlex.quote(there)} && "
            f"find {quoted} -type f -mtime +{UNUSED_DAYS} -delete; "
            f"test -e {shlex.quote(there)} && echo there || true"
        ):
            return Path(there)
        partial = f"{there}.{uuid.uuid4().hex}"
        try:
            with (
                step(f"putting {file.name} on {self._name}"),
                contextlib.closing(open_transfer(self._transport, ANSWERS_WITHIN)) as transfer,
            ):
                transfer.put(str(file), partial, confirm=True)
            said = self.run(f"sha256sum {shlex.quote(partial)}").split()[0]
            if said != digest:
                raise SetupError(f"{file.name} did not arrive whole on {self.address}.")
            self.run(f"mv {shlex.quote(partial)} {shlex.quote(there)}")
        except (paramiko.SSHException, OSError, SetupError) as error:
            with contextlib.suppress(SetupError):
                self.run(f"rm -f {shlex.quote(partial)}")
            raise SetupError(
                f"{file.name} cannot be put on {self.address}: {error}. That goes over SFTP: "
                "sshd_config there has to have a line `Subsystem sftp …`, and the disk room."
            ) from error
        return Path(there)
