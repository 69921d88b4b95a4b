"""The program that measures Binder and other transports: its output, not its figures."""

from __future__ import annotations

import contextlib
import shlex

import pytest

from bench.streams import receive_exactly
from emulator.base.deadline import Deadline
from emulator.build.agents import ipc_bench
from harness.binder import Binder
from harness.device.device import Device

pytestmark = pytest.mark.requires("free_binder")
REMOTE = "/data/local/tmp/ipc_bench"


@pytest.fixture(scope="module")
def program(device: Device) -> str:
    device.push(ipc_bench(device.architecture), REMOTE, mode=0o755)
    return REMOTE


def command(device: Device, program: str, *words: str) -> list[str]:
    assert device.facts.free_binder_device is not None
    return [program, "--device", device.facts.free_binder_device, "--calls", "20", *words]


@pytest.mark.parametrize("way", ["binder", "pipe", "socket", "queue", "memory"])
@pytest.mark.parametrize(
    "more",
    [
        [],
        ["--one-way"],
        ["--clients", "3", "--bytes", "70000"],
        ["--bytes", "1048576"],
        ["--one-way", "--clients", "3", "--bytes", "65536"],
        ["--one-way", "--clients", "3", "--bytes", "349525"],
    ],
)
def test_every_call_is_measured(device: Device, program: str, way: str, more: list[str]) -> None:
    clients = 3 if "--clients" in more else 1
    calls, median, first, third, rate = device.shell(command(device, program, way, *more)).split()
    assert int(calls) == 20 * clients
    assert 0 < int(first) <= int(median) <= int(third)
    assert float(rate) > 0


@pytest.mark.requires("binder_debug")
def test_nodes_are_there_as_long_as_it_is_held(device: Device, program: str) -> None:
    line = shlex.join(["exec", *command(device, program, "binder", "--nodes", "2500", "--hold")])
    with contextlib.closing(device.open_shell(line)) as stream:
        assert receive_exactly(stream, 8, Deadline(60)) == b"holding\n"
        blocks = device.binder.state().processes
        assert max(len(block.nodes) for block in blocks) == 2500
        assert max(len(block.references) for block in blocks) >= 2500
        stream.close_input()
        assert stream.receive(100, Deadline(60)) == b""


@pytest.mark.parametrize("words", [["smoke"], [], ["pipe", "--clients", "65"], ["pipe", "--bytes", "many"]])
def test_what_makes_no_sense_is_refused(device: Device, program: str, words: list[str]) -> None:
    result = device.run([program, *words])
    assert result.status == 64
    assert "usage:" in result.errors


def test_a_device_that_is_taken_is_said_to_be(device: Device, program: str) -> None:
    node = device.facts.free_binder_device
    assert node is not None
    with device.process() as process, Binder.open(process, node) as taken:
        taken.become_context_manager()
        result = device.run(command(device, program, "binder"))
    assert result.status != 0
    assert "context manager" in result.errors
