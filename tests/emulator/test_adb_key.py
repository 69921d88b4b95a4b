"""The embedded device's adbd admits the adb server of its user, and nobody else on the machine."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import adbutils
import pytest

from emulator.adb.server import answers
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError
from emulator.embedded.device import EmbeddedDevice, open_embedded
from emulator.target import parse_target
from tests.emulator import own_adb

WITHIN = 60.0
# AOSP, packages/modules/adb, protocol.txt
HEADER = struct.Struct("<4s5I")
VERSION, LARGEST = 0x01000001, 1 << 20
TOKEN, SIGNATURE, PUBLIC_KEY = 1, 2, 3


@pytest.fixture(scope="module")
def device() -> Iterator[EmbeddedDevice]:
    with contextlib.closing(open_embedded(parse_target("embedded"))) as running:
        yield running


class Client:
    """A client of adbd's own protocol, as any program of any user of this machine may be one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, command: bytes, first: int, second: int, payload: bytes) -> None:
        magic = int.from_bytes(command, "little") ^ 0xFFFFFFFF
        header = HEADER.pack(command, first, second, len(payload), sum(payload) & 0xFFFFFFFF, magic)
        self._connection.sendall(header + payload)

    def receive(self) -> tuple[bytes, int, bytes]:
        command, first, _, size, _, _ = HEADER.unpack(self._exactly(HEADER.size))
        return command, first, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            received += self._connection.recv(size - len(received)) or pytest.fail("adbd disconnected")
        return bytes(received)


@contextlib.contextmanager
def connected(device: EmbeddedDevice) -> Iterator[Client]:
    address = ("127.0.0.1", device.machine.adb_port)
    with socket.create_connection(address, timeout=WITHIN) as connection:
        client = Client(connection)
        client.send(b"CNXN", VERSION, LARGEST, b"host::\0")
        yield client


@pytest.mark.parametrize("signature", [bytes(256), b"\1" * 256, b"", b"\xff" * 1024])
def test_a_client_without_the_key_is_refused(device: EmbeddedDevice, signature: bytes) -> None:
    with connected(device) as client:
        command, kind, token = client.receive()
        assert (command, kind, len(token)) == (b"AUTH", TOKEN, 20)
        client.send(b"AUTH", SIGNATURE, 0, signature)
        command, kind, another = client.receive()
        assert (command, kind) == (b"AUTH", TOKEN)
        assert another != token


def test_a_key_that_a_client_offers_is_not_trusted(device: EmbeddedDevice) -> None:
    with connected(device) as client:
        assert client.receive()[:2] == (b"AUTH", TOKEN)
        client.send(b"AUTH", PUBLIC_KEY, 0, b"a key of my own\0")
        client.send(b"OPEN", 1, 0, b"shell:id\0")
        # Whatever it answers to that signature is about the signature: nothing was opened.
        client.send(b"AUTH", SIGNATURE, 0, bytes(256))
        assert client.receive()[:2] == (b"AUTH", TOKEN)


def test_each_client_gets_another_token(device: EmbeddedDevice) -> None:
    def token() -> bytes:
        with connected(device) as client:
            return client.receive()[2]

    with contextlib.closing(open_embedded(parse_target("embedded"))) as clone, connected(clone) as client:
        assert len({client.receive()[2], token(), token()}) == 3


def test_a_server_that_has_another_key_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = own_adb.environment(5900)
    port = int(environment["ANDROID_ADB_SERVER_PORT"])
    environment["HOME"] = str(tmp_path)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    command = [adbutils.adb_path(), "-P", str(port), "nodaemon", "server"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            Deadline(WITHIN).poll(lambda: answers(port), "the server")
            with contextlib.closing(open_embedded(parse_target("embedded"))) as device:
                key = Path(os.environ["HOME"]) / ".android" / "adbkey"
                with pytest.raises(SetupError, match=rf"trusts only the key in {key}.*port {port} does not"):
                    _ = device.serial
        finally:
            server.kill()
