"""A machine reached over SSH on which a device runs: commands, files put once, and ports brought here."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import paramiko

from emulator.errors import SetupError, UsageError
from emulator.host_address import is_host
from emulator.progress import step

CONNECTS_WITHIN = 20.0
ANSWERS_WITHIN = 60.0
KEEPALIVE_SECONDS = 10
DIRECTORY = ".cache/binder-harness"
"""On the host, below the user's home, where commands start."""


class Host:
    """An open connection to a host; use as a context manager or call `close`.

    Raises SetupError, with what mends it, when there is no such host, its key is unknown or another than
    known, or it takes none of our keys.
    """

    def __init__(self, address: str) -> None:
        if not is_host(address):
            raise UsageError(f"A host is ssh://USER@HOST or ssh://USER@HOST:PORT, not {address!r}.")
        parts = urlsplit(address)
        self.address = address
        self._name, self._port = str(parts.hostname), parts.port or paramiko.config.SSH_PORT
        self._client = paramiko.SSHClient()
        self._client.load_system_host_keys()
        self._client.set_missing_host_key_policy(_RefuseUnknown())
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._client.close)
            self._connect(parts.username)
            on_failure.pop_all()
        transport = self._client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEPALIVE_SECONDS)
        self._transport = transport

    def _connect(self, user: str | None) -> None:
        by_hand = f"ssh -p {self._port} {self._name}"
        try:
            self._client.connect(
                self._name,
                self._port,
                user,
                timeout=CONNECTS_WITHIN,
                banner_timeout=CONNECTS_WITHIN,
                auth_timeout=CONNECTS_WITHIN,
            )
        except paramiko.BadHostKeyException as error:
            known = paramiko.hostkeys.HostKeyEntry([self._entry], error.expected_key).to_line()
            raise SetupError(
                f"The host {self.address} has another key than ~/.ssh/known_hosts says: somebody may be "
                f"listening. If it was installed anew, remove its line:\n{known}"
            ) from error
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            raise SetupError(
                f"The host {self.address} takes none of our keys: {error}. Add a key of ~/.ssh or of the SSH "
                f"agent to ~/.ssh/authorized_keys there: `ssh-copy-id -p {self._port} {self._name}`."
            ) from error
        except (paramiko.SSHException, OSError) as error:
            if isinstance(error, _UnknownKeyError):
                raise SetupError(str(error)) from error
            raise SetupError(
                f"The host {self.address} cannot be reached: {error}. Does `{by_hand}` work?"
            ) from error

    @property
    def _entry(self) -> str:
        """How known_hosts names it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self._name if self._port == paramiko.config.SSH_PORT else f"[{self._name}]:{self._port}"

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it what was started over it."""
        self._client.close()

    def run(self, command: str) -> str:
        """What a shell command writes; SetupError when it fails or takes more than 60 s."""
        try:
            _, output, errors = self._client.exec_command(command, timeout=ANSWERS_WITHIN)
            text, said = output.read().decode(), errors.read().decode()
            status = output.channel.recv_exit_status()
        except (paramiko.SSHException, OSError) as error:
            raise SetupError(f"`{command}` on {self.address}: {error or 'no answer in time'}") from error
        if status != 0:
            raise SetupError(f"`{command}` on {self.address} failed with status {status}: {said.strip()}")
        return text

    def start(self, command: str) -> paramiko.Channel:
        """Start a shell command; the channel is its input and output."""
        try:
            channel = self._transport.open_session(timeout=ANSWERS_WITHIN)
            channel.exec_command(command)
        except (paramiko.SSHException, OSError) as error:
            raise SetupError(f"`{command}` cannot be started on {self.address}: {error}") from error
        return channel

    def put(self, file: Path) -> str:
        """Where the content of a local file lies on the host: put there unless it is there already."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        there = f"{DIRECTORY}/files/{digest}"
        if self.run(f"mkdir -p -m 700 {DIRECTORY} {DIRECTORY}/files; test -e {there} && echo there || true"):
            return there
        partial = f"{there}.{uuid.uuid4().hex}"
        try:
            with step(f"putting {file.name} on {self._name}"), self._transport_files() as files:
                files.put(str(file), partial, confirm=True)
            said = self.run(f"sha256sum {partial}").split()[0]
            if said != digest:
                raise SetupError(f"{file.name} did not arrive whole on {self.address}.")
            self.run(f"mv {partial} {there}")
        except (paramiko.SSHException, OSError, SetupError) as error:
            with contextlib.suppress(SetupError):
                self.run(f"rm -f {partial}")
            raise SetupError(f"{file.name} cannot be put on {self.address}: {error}") from error
        return there

    @contextlib.contextmanager
    def _transport_files(self) -> Iterator[paramiko.SFTPClient]:
        files = self._client.open_sftp()
        try:
            yield files
        finally:
            files.close()

    def open_port(self, port: int) -> paramiko.Channel:
        """A connection to a port of the host's own 127.0.0.1."""
        return self._transport.open_channel(
            "direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0), timeout=CONNECTS_WITHIN
        )


class _UnknownKeyError(paramiko.SSHException):
    """The host's key stands in no known_hosts."""


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        line = paramiko.hostkeys.HostKeyEntry([hostname], key).to_line()
        raise _UnknownKeyError(
            f"The key of the host {hostname} is not in ~/.ssh/known_hosts. If its fingerprint is "
            f"{key.fingerprint}, add this line there:\n{line}"
        )


class Tunnel:
    """A port of this machine's 127.0.0.1 whose connections end at a port of the host's."""

    def __init__(self, host: Host, port: int) -> None:
        self._host = host
        self._there = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="tunnel", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            try:
                channel = self._host.open_port(self._there)
            except (paramiko.SSHException, OSError):
                connection.close()
                continue
            join(connection, channel)

    def close(self) -> None:
        """Take no more connections; those there are end with the host's."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


_ENDED = (OSError, EOFError, paramiko.SSHException)
"""What paramiko raises of a connection that has ended."""


def join(connection: socket.socket, channel: paramiko.Channel) -> None:
    """Pass everything on between a socket and a channel, until either ends."""
    ends = (connection, channel)

    def copy(source: socket.socket | paramiko.Channel, sink: socket.socket | paramiko.Channel) -> None:
        with contextlib.suppress(*_ENDED):
            while chunk := source.recv(1 << 16):
                sink.sendall(chunk)
        for end in ends:
            with contextlib.suppress(*_ENDED):
                end.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(*_ENDED):
                end.close()

    for source, sink in (ends, reversed(ends)):
        threading.Thread(target=copy, args=(source, sink), daemon=True).start()
