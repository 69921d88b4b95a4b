"""The host's end of the ports, against a device's end that the test plays."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError, SetupError, TimeLimitError
from emulator.embedded.qemu import virtio_serial
from emulator.embedded.qemu.virtio_serial import (
    BOUNDARY_SIZE,
    QUEUED,
    RECEIVED_AT_ONCE,
    RequestKind,
    VirtioPorts,
    WaitingProgram,
)

HEADER = struct.Struct("<II")


class DeviceEnd:
    """Stands in for channel_server."""

    def __init__(self, descriptor: int) -> None:
        self.port = socket.socket(fileno=os.dup(descriptor))
        self.port.settimeout(10)

    def request(self) -> tuple[bytes, int, bytes]:
        data = self.port.recv(10_000)
        kind, size = HEADER.unpack_from(data, BOUNDARY_SIZE)
        payload = data[BOUNDARY_SIZE + HEADER.size :]
        assert len(payload) == size
        return data[:BOUNDARY_SIZE], kind, payload

    def answer(self, boundary: bytes, status: int, errors: bytes = b"") -> None:
        self.port.sendall(boundary + struct.pack("<iI", status, len(errors)) + errors)


@pytest.fixture
def ends() -> Iterator[tuple[VirtioPorts, list[DeviceEnd]]]:
    ports = VirtioPorts(2)
    with ports.inheritable() as descriptors:
        devices = [DeviceEnd(descriptor) for descriptor in descriptors]
    yield ports, devices
    ports.close()
    for device in devices:
        device.port.close()


def test_a_program_has_its_arguments_streams_and_status(ends: tuple[VirtioPorts, list[DeviceEnd]]) -> None:
    ports, devices = ends
    program = ports.run(["/bin/agent", "--uid", "2000"])
    assert program is not None
    boundary, kind, payload = devices[1].request()
    assert (kind, payload) == (RequestKind.RUN, b"/bin/agent\0--uid\x002000\0")
    program.send(b"input")
    assert devices[1].port.recv(100) == b"input"
    devices[1].port.sendall(b"output")
    assert program.receive(4) == b"outp"
    assert program.receive(4) == b"ut"
    devices[1].port.sendall(b"last")
    devices[1].answer(boundary, 9, b"why")
    assert program.receive(100) == b"last"
    assert program.receive(100) == program.receive(100) == b""
    assert (program.wait_status(Deadline(0)), program.standard_error) == (9, "why")


def test_all_that_a_port_queues_is_received_at_once(ends: tuple[VirtioPorts, list[DeviceEnd]]) -> None:
    """Otherwise an answer could be split, depending on the system's default queue size."""
    ports, devices = ends
    assert devices[1].port.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == QUEUED
    program = ports.run(["/program"])
    assert program is not None
    devices[1].request()
    devices[1].port.settimeout(0)
    queued = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            queued += devices[1].port.send(bytes(32 * 1024))  # what the device's driver writes at once
    assert len(program.receive(RECEIVED_AT_ONCE)) == queued


def test_output_is_waited_for_until_the_deadline_however_long_one_system_call_waits(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(virtio_serial, "RECEIVE_SECONDS", 0.02)
    ports, devices = request.getfixturevalue("ends")
    program = ports.run(["/program"])
    boundary, _, _ = devices[1].request()
    deadline = Deadline(0.05)
    with pytest.raises(TimeLimitError, match="output of a program on the device"):
        program.receive(100, deadline)
    assert deadline.expired
    later = threading.Timer(0.05, devices[1].port.sendall, [b"late"])
    later.start()
    assert program.receive(100) == b"late"
    devices[1].answer(boundary, 0)
    assert program.receive(100, Deadline(10)) == b""


def test_a_port_serves_one_program_after_the_other(ends: tuple[VirtioPorts, list[DeviceEnd]]) -> None:
    ports, devices = ends
    first, second = ports.run(["/first"]), ports.run(["/second"])
    assert first is not None
    assert second is not None
    assert ports.run(["/third"]) is None
    boundary, _, _ = devices[1].request()
    devices[1].answer(boundary, 0)
    assert first.receive(100) == b""
    first.send(b"too late")
    first.close()
    first.send_now(b"not sent")
    with pytest.raises(BrokenPipeError):
        first.send(b"not sent")
    assert devices[1].port.recv(100) == b"too late" + boundary
    third = ports.run(["/third"])
    assert third is not None
    assert devices[1].request()[2] == b"/third\0"
    assert ports.run(["/fourth"]) is None


def test_closing_a_program_that_runs_ends_its_input_and_wakes_the_receiver(
    ends: tuple[VirtioPorts, list[DeviceEnd]],
) -> None:
    ports, devices = ends
    program = ports.run(["/program"])
    assert program is not None
    devices[1].request()
    received: list[bytes] = []
    receiver = threading.Thread(target=lambda: received.append(program.receive(10)))
    receiver.start()
    program.close()
    program.close()
    receiver.join(5)
    assert received == [b""]
    assert devices[1].port.recv(10) == b""
    assert program.wait_status(Deadline(0)) is None
    assert ports.run(["/other"]) is not None
    assert ports.run(["/other"]) is None  # the port of the first is not used again


def test_the_end_of_the_device_ends_its_programs(ends: tuple[VirtioPorts, list[DeviceEnd]]) -> None:
    ports, devices = ends
    program = ports.run(["/program"])
    assert program is not None
    devices[1].port.close()
    assert program.receive(10) == b""
    assert program.wait_status(Deadline(0)) is None


def test_a_waiting_program_serves_the_same_arguments_after_a_restore(
    ends: tuple[VirtioPorts, list[DeviceEnd]],
) -> None:
    ports, devices = ends
    started: list[WaitingProgram] = []
    starting = threading.Thread(
        target=lambda: started.append(ports.start_waiting(["/agent", "-x"], Deadline(5)))
    )
    starting.start()
    boundary, kind, payload = devices[1].request()
    assert (kind, payload) == (RequestKind.RUN, b"/agent\0-x\0")
    devices[1].port.sendall(b"hello")
    starting.join(5)
    assert started == [WaitingProgram(("/agent", "-x"), 1, boundary, b"hello")]

    restored = VirtioPorts(2)
    with contextlib.closing(restored), restored.inheritable() as descriptors:
        restored.adopt(started)
        others = [DeviceEnd(descriptor) for descriptor in descriptors]
        other = restored.run(["/agent"])
        assert others[0].request()[2] == b"/agent\0"
        waited = restored.run(["/agent", "-x"])
        assert other is not None
        assert waited is not None
        assert waited.receive(100) == b"hello"
        waited.send(b"question")
        assert others[1].port.recv(100) == b"question"
        others[1].answer(boundary, 3 << 8)
        assert waited.receive(100) == b""
        assert waited.wait_status(Deadline(0)) == 3 << 8
        assert restored.run(["/agent", "-x"]) is None
        waited.close()
        assert restored.run(["/agent", "-x"]) is not None
        for end in others:
            end.port.close()


def test_a_program_that_does_not_start_does_not_wait(ends: tuple[VirtioPorts, list[DeviceEnd]]) -> None:
    ports, devices = ends
    ended = threading.Thread(target=lambda: devices[1].answer(devices[1].request()[0], 127 << 8, b"no such"))
    ended.start()
    with pytest.raises(SetupError, match="/agent did not start on the device: no such"):
        ports.start_waiting(["/agent"], Deadline(5))
    ended.join(5)


@pytest.mark.parametrize(("status", "accepted"), [(0, True), (1 << 8, False), (None, False)])
def test_waking_needs_the_device_s_confirmation(
    ends: tuple[VirtioPorts, list[DeviceEnd]], status: int | None, accepted: bool
) -> None:
    ports, devices = ends

    def play() -> None:
        boundary, kind, payload = devices[1].request()
        assert (kind, len(payload)) == (RequestKind.WAKE, 16 + 64)
        if status is not None:
            devices[1].answer(boundary, status)

    device = threading.Thread(target=play)
    device.start()
    if accepted:
        ports.wake(Deadline(10))
    else:
        with pytest.raises(DeviceLostError):
            ports.wake(Deadline(0.5))
    device.join(5)


def test_programs_that_ended_while_they_waited_are_not_used(
    ends: tuple[VirtioPorts, list[DeviceEnd]],
) -> None:
    ports, devices = ends
    ports.adopt([WaitingProgram(("/agent",), index, b"b" * BOUNDARY_SIZE, b"hello") for index in (0, 1)])
    devices[0].answer(b"b" * BOUNDARY_SIZE, 9)
    program = ports.run(["/agent"])
    assert program is not None
    devices[1].port.sendall(b" there")
    assert [program.receive(100), program.receive(100)] == [b"hello", b" there"]


def test_a_fresh_program_is_none_of_those_that_waited(ends: tuple[VirtioPorts, list[DeviceEnd]]) -> None:
    ports, devices = ends
    ports.adopt([WaitingProgram(("/agent",), 0, b"b" * BOUNDARY_SIZE, b"hello")])
    assert ports.run(["/agent"], fresh=True) is not None
    assert devices[1].request()[2] == b"/agent\0"
    assert devices[0].port.recv(10) == b"", "the program that waited was given up"


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\0", bytes(7)])
def test_an_end_without_a_whole_status_is_an_end(
    ends: tuple[VirtioPorts, list[DeviceEnd]], answer: bytes
) -> None:
    ports, devices = ends
    program = ports.run(["/program"])
    assert program is not None
    boundary, _, _ = devices[1].request()
    devices[1].port.sendall(b"output" + boundary + answer)
    assert [program.receive(100), program.receive(100)] == [b"output", b""]
    assert program.wait_status(Deadline(0)) is None
