"""A connection to a host over SSH: its key verified, kept alive, and closed with what was started over it."""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import threading
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import paramiko

from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, UsageError
from emulator.host.host import is_address
from emulator.host.ssh_channel import closed_at, exit_status, open_transfer, read_to_end, silent_once_closed
from emulator.host.tunnel import send_at_once

CONNECTS_WITHIN = 20.0
ANSWERS_WITHIN = 60.0
KEEPALIVE_SECONDS = 10
HEARTBEAT_SECONDS = 5.0
DIRECTORY = ".cache/binder-harness"
"""On the host, below the user's home."""

logger = logging.getLogger(__name__)


class UnknownKeyError(paramiko.SSHException):
    """The host's key is in no known_hosts file."""


class RefuseUnknownKeys(paramiko.MissingHostKeyPolicy):
    """Makes paramiko refuse a host whose key is unknown, with the line that would make it known."""

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        """Raise UnknownKeyError, whose message holds the key's fingerprint and its line."""
        line = paramiko.hostkeys.HostKeyEntry([hostname], key).to_line() or ""
        raise UnknownKeyError(
            f"The key of the host {hostname} is not in ~/.ssh/known_hosts. If its fingerprint is "
            f"{key.fingerprint}, add this line there:\n{line}"
        )


class SshConnection:
    """An open connection to a host; use as a context manager or call `close`.

    Raises SetupError, with what fixes it, where the host does not exist, its key is unknown or has changed,
    or it accepts none of the user's keys.
    """

    def __init__(self, address: str) -> None:
        if not is_address(address):
            raise UsageError(f"A host is ssh://USER@HOST or ssh://USER@HOST:PORT, not {address!r}.")
        parts = urlsplit(address)
        self.address = address
        self.name, self._port = parts.hostname or address, parts.port or paramiko.config.SSH_PORT
        # It logs, with a traceback, every error that it raises as well.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
        self._client = paramiko.SSHClient()
        self._client.load_system_host_keys()
        self._client.set_missing_host_key_policy(RefuseUnknownKeys())
        logger.info("connecting to %s", address)
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._client.close)
            self._connect(parts.username)
            on_failure.pop_all()
        logger.info("connected to %s", address)
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
        login = f"-p {self._port} {f'{user}@' if user else ''}{self.name}"
        deadline = Deadline(CONNECTS_WITHIN)
        try:
            with contextlib.ExitStack() as on_failure:
                connection = socket.create_connection((self.name, self._port), deadline.remaining())
                # paramiko awaits the end of its own thread, which reads for as long as anything arrives.
                on_failure.callback(_end, connection)
                send_at_once(connection)
                self._client.connect(
                    self.name,
                    self._port,
                    user,
                    sock=connection,
                    timeout=deadline.remaining(),  # of the handshake, from the banner to the keys
                    banner_timeout=CONNECTS_WITHIN,
                    auth_timeout=CONNECTS_WITHIN,
                )
                on_failure.pop_all()
        except paramiko.BadHostKeyException as error:
            expected = paramiko.hostkeys.HostKeyEntry([self._entry], error.expected_key).to_line() or ""
            raise SetupError(
                f"The host {self.address} has another key than in ~/.ssh/known_hosts: somebody may be "
                f"intercepting the connection. If the host was reinstalled, remove its line:\n{expected}"
            ) from error
        except UnknownKeyError as error:
            raise SetupError(str(error)) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            transport = self._client.get_transport()
            if transport is None or not transport.initial_kex_done:
                reason = str(error) or "it closed the connection"  # an EOFError has no words
                if deadline.expired:
                    reason = f"no SSH handshake within {deadline.seconds:g} s"
                raise SetupError(
                    f"The host {self.address} cannot be reached: {reason}. Does `ssh {login}` work?"
                ) from error
            # The host was reached and its key is right: what failed is the login.
            raise SetupError(
                f"The host {self.address} accepts none of your keys: {error}. Add a key of ~/.ssh or of the "
                f"SSH agent to ~/.ssh/authorized_keys there: `ssh-copy-id {login}`."
            ) from error

    @property
    def _entry(self) -> str:
        """The host's name in known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT)."""
        return self.name if self._port == paramiko.config.SSH_PORT else f"[{self.name}]:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection, and with it what was started over it."""
        self._closed.set()
        self._client.close()
        self._heart.join(ANSWERS_WITHIN)

    def keep_beating(self, channel: paramiko.Channel) -> None:
        """Send a byte on this channel every few seconds, for as long as it accepts any."""
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

    def shell(self, line: str) -> str:
        """The output of a short shell line; SetupError when it fails or takes more than 60 s.

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
            raise SetupError(f"`{line}` on {self.address} ended, but its exit status never arrived.")
        if status != 0:
            reason = errors.decode(errors="replace").strip()
            raise SetupError(f"`{line}` on {self.address} failed with status {status}: {reason}")
        return output.decode(errors="surrogateescape")

    def open_session(self, line: str, deadline: Deadline | None = None) -> paramiko.Channel:
        """Start a shell line within 60 s; the channel is its input and output."""
        deadline = deadline or Deadline(ANSWERS_WITHIN)
        logger.debug("run on %s: %s", self.address, line)
        try:
            channel = silent_once_closed(self._transport.open_session(timeout=deadline.remaining()))
            with closed_at(channel, deadline):
                channel.exec_command(line.encode(errors="surrogateescape"))
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SetupError(f"No command can be started on {self.address}: {error}") from error
        return channel

    def open_port(self, port: int) -> paramiko.Channel:
        """Connect to a port of the host's 127.0.0.1; SSHException or OSError where it is closed."""
        here, there = ("127.0.0.1", 0), ("127.0.0.1", port)
        return silent_once_closed(
            self._transport.open_channel("direct-tcpip", there, here, timeout=CONNECTS_WITHIN)
        )

    def open_transfer(self) -> paramiko.SFTPClient:
        """Start SFTP; each step of it may take 60 s."""
        return open_transfer(self._transport, ANSWERS_WITHIN)

    @functools.cached_property
    def login_environment(self) -> Mapping[str, str]:
        """The environment of a login shell there: ~/.profile sets where programs are found."""
        output = self.shell('"${SHELL:-/bin/sh}" -lc \'printf "\\\\0"; env -0\'')
        variables = (entry.partition("=") for entry in output.split("\0")[1:] if "=" in entry)
        return {name: value for name, _, value in variables}

    def variable(self, name: str) -> str:
        """A variable of the login shell's environment; empty where it is not set."""
        return self.login_environment.get(name, "")

    @functools.cached_property
    def directory(self) -> str:
        """The directory there that is ours."""
        return f"{self.variable('HOME')}/{DIRECTORY}"


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
