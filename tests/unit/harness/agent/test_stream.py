from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.errors import ProtocolError
from harness.agent.exit_status import ExitStatus
from harness.agent.stream import AdbShellStream

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)


def packet(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<BI", kind, len(content)) + content


@pytest.fixture
def ends() -> Iterator[tuple[AdbShellStream, socket.socket]]:
    """The stream, and adbd's end of the connection."""
    ours, theirs = socket.socketpair()
    with theirs:
        stream = AdbShellStream(ours)
        yield stream, theirs
        stream.close()


def received(stream: AdbShellStream, limit: int = 1000) -> bytes:
    return b"".join(iter(lambda: stream.receive(limit), b""))


@given(
    st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=30))),
    st.lists(st.integers(1, 20), max_size=50),
    st.integers(1, 40),
)
def test_output_survives_any_division_into_packets_and_pieces(
    packets: list[tuple[int, bytes]], cuts: list[int], limit: int
) -> None:
    ours, theirs = socket.socketpair()
    wire = b"".join(packet(kind, content) for kind, content in packets) + packet(EXIT, b"\0")
    with theirs:
        stream = AdbShellStream(ours)
        for cut in cuts:
            theirs.sendall(wire[:cut])
            wire = wire[cut:]
        theirs.sendall(wire)
        output = received(stream, limit)
        stream.close()
    assert output == b"".join(content for kind, content in packets if kind == STDOUT)


def test_what_is_sent_arrives_as_standard_input(ends: tuple[AdbShellStream, socket.socket]) -> None:
    stream, adbd = ends
    stream.send(bytes(range(256)))
    stream.close_input()
    expected = packet(STDIN, bytes(range(256))) + packet(CLOSE_STDIN)
    assert adbd.recv(1000, socket.MSG_WAITALL if len(expected) == 1000 else 0) == expected


@pytest.mark.parametrize(
    ("reported", "status", "text"),
    [
        (0, ExitStatus(code=0), "exited with status 0"),
        (65, ExitStatus(code=65), "exited with status 65"),
        (128, ExitStatus(code=128), "exited with status 128"),
        (128 + 11, ExitStatus(signal=11), "was killed by SIGSEGV"),
        (128 + 33, ExitStatus(signal=33), "was killed by signal 33"),
    ],
)
def test_the_exit_status_distinguishes_signals_from_codes(
    ends: tuple[AdbShellStream, socket.socket], reported: int, status: ExitStatus, text: str
) -> None:
    stream, adbd = ends
    adbd.sendall(packet(STDOUT, b"last") + packet(STDERR, b"why") + packet(EXIT, bytes([reported])))
    assert received(stream) == b"last"
    assert stream.exit_status(Deadline(5)) == status
    assert str(status) == text
    assert stream.standard_error == "why"


def test_a_connection_that_breaks_has_no_exit_status(ends: tuple[AdbShellStream, socket.socket]) -> None:
    stream, adbd = ends
    adbd.sendall(packet(STDOUT, b"cut short")[:-3])
    adbd.close()
    assert received(stream) == b"cut sh"
    assert stream.exit_status(Deadline(5)) is None


def test_only_the_end_of_a_long_standard_error_is_kept(ends: tuple[AdbShellStream, socket.socket]) -> None:
    stream, adbd = ends
    adbd.sendall(packet(STDERR, b"a" * 5000 + b"the reason") + packet(EXIT, b"\1"))
    assert received(stream) == b""
    assert len(stream.standard_error) == 4096
    assert stream.standard_error.endswith("the reason")


def test_another_protocol_is_recognised(ends: tuple[AdbShellStream, socket.socket]) -> None:
    stream, adbd = ends
    adbd.sendall(b"SSH-2.0-OpenSSH")
    with pytest.raises(ProtocolError, match="no packet of kind 83"):
        stream.receive(10)


def test_closing_wakes_the_receiver(ends: tuple[AdbShellStream, socket.socket]) -> None:
    stream, _ = ends
    answers: list[bytes] = []
    receiver = threading.Thread(target=lambda: answers.append(stream.receive(10)))
    receiver.start()
    stream.close()
    receiver.join(5)
    assert answers == [b""]
    stream.close()
    stream.close_input()


def test_sending_gives_up_on_a_peer_that_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.agent.stream.SEND_SECONDS", 1.0)
    ours, theirs = socket.socketpair()
    with theirs:
        stream = AdbShellStream(ours)
        with pytest.raises(TimeLimitError, match="no progress for 1 s"):
            stream.send(bytes(16 * 1024 * 1024))
        stream.close_input()
        stream.close()


def test_small_requests_do_not_wait_for_one_another_over_tcp() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
    ):
        stream = AdbShellStream(ours)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        stream.close()


def test_what_comes_over_tcp_is_acknowledged_at_once() -> None:
    """Each program on the device started 40 ms late: the adb server's next packet waits for that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        with theirs, contextlib.closing(AdbShellStream(ours)) as stream:
            for _ in range(2):  # who has sent an answer delays what acknowledges the next packet
                theirs.sendall(packet(STDOUT, b"x"))
                assert stream.receive(1, Deadline(10)) == b"x"
                at_once = ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
                stream.send(b"y")
            assert at_once == 1


@pytest.mark.parametrize("kind", [STDOUT, STDERR])
def test_a_flood_without_output_ends_at_the_deadline(
    ends: tuple[AdbShellStream, socket.socket], kind: int
) -> None:
    stream, adbd = ends

    def flood() -> None:
        with contextlib.suppress(OSError):
            while True:
                adbd.sendall(packet(kind, b"x" if kind == STDERR else b"") * 1000)

    thread = threading.Thread(target=flood)
    thread.start()
    with pytest.raises(TimeLimitError, match="output of the device"):
        stream.receive(1000, Deadline(0.1))
    stream.close()
    thread.join(20)
    assert not thread.is_alive()
