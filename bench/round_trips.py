"""The cost of a system call from Python on a device, against an echo of as many bytes on the same channel."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol

from bench.rows import Row, in_turns, milliseconds
from bench.streams import Output, receive_exactly
from bench.suite import Bench, Benchmark
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from emulator.build.agents import syscall_agent
from emulator.embedded.image import AGENT
from emulator.embedded.qemu.virtio_serial import GuestProgram
from harness.agent.process import RemoteProcess
from harness.agent.stream import ChannelStream
from harness.device.probing import find_facts

TRIPS = 200
"""In each round."""
REQUEST = bytes(48)
"""About the size of a system call's request, and of its reply."""
SECOND_PROCESSOR = "2"
"""A mask of processors."""
ECHO_SECONDS = 10.0


class Echo(Output, Protocol):
    """A stream to a program that echoes its input."""

    def send(self, data: bytes) -> None:
        """Write all data."""
        ...

    def close(self) -> None:
        """End the program."""
        ...


def _over_channel(bench: Bench) -> Iterator[Row]:
    """Both on one processor: the kernel's choice of processors would change the figures from run to run."""
    echo, agent = (_on_one_processor(bench, program) for program in ("/system/bin/cat", AGENT))
    with RemoteProcess.start(ChannelStream(agent)) as process, contextlib.closing(echo):
        yield _compared("trip.channel", bench, process, echo, most=1.3)


def _on_one_processor(bench: Bench, program: str) -> GuestProgram:
    started = bench.controller.machine.ports.run(["/system/bin/taskset", SECOND_PROCESSOR, program])
    if started is None:
        raise HarnessError("no port of the device is free")
    return started


def _over_adb(bench: Bench) -> Iterator[Row]:
    remote = "/data/local/tmp/syscall_agent"
    bench.device.push(syscall_agent(bench.controller.hardware.architecture), remote, mode=0o755)
    echo = bench.device.open_shell("exec cat")
    stream = bench.device.open_shell(f"exec {remote}")
    with RemoteProcess.start(stream) as process, contextlib.closing(echo):
        yield _compared("trip.adb", bench, process, echo)


def _compared(name: str, bench: Bench, process: RemoteProcess, echo: Echo, most: float | None = None) -> Row:
    calls, echoes = in_turns(
        bench.rounds * TRIPS,
        [
            ("getppid by an agent", timed(lambda: process.syscall("getppid"))),
            ("echo by cat", timed(lambda: echoed(echo))),
        ],
    )
    return Row(name, "ms", calls, echoes, most=most)


def echoed(echo: Echo) -> None:
    """One round trip of as many bytes as a system call's."""
    echo.send(REQUEST)
    receive_exactly(echo, len(REQUEST), Deadline(ECHO_SECONDS))


def timed(action: Callable[[], object]) -> Callable[[], float]:
    """Measures an action in milliseconds."""
    return lambda: milliseconds(action)


def _facts(bench: Bench) -> Iterator[Row]:
    """Finding all facts of a device, against a hundred round trips."""
    device = bench.device
    with device.process() as process:
        found, trips = in_turns(
            2 * bench.rounds,
            [
                ("all of a device's", timed(lambda: find_facts(device))),
                ("100 getppid", timed(lambda: [process.syscall("getppid") for _ in range(100)])),
            ],
        )
    yield Row("facts", "ms", found, trips)


BENCHMARKS = [
    Benchmark("trip.channel", _over_channel),
    Benchmark("trip.adb", _over_adb),
    Benchmark("facts", _facts),
]
