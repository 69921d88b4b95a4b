"""Binder calls that Python makes, against what their round trips cost without Binder."""

from __future__ import annotations

import contextlib
import functools
import statistics
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.memory import memory_rows
from bench.round_trips import Echo, echoed, timed
from bench.rows import Figure, Row, exponent, in_turns, milliseconds
from bench.served import SLOW, WAITS_FOR, free_pair
from bench.suite import Bench, Benchmark
from bench.transports import KIB, run, sized
from emulator.base.deadline import Deadline
from emulator.build.agents import syscall_agent
from emulator.embedded.image import AGENT
from harness.agent.operations import Operation
from harness.agent.process import RemoteProcess
from harness.agent.stream import ChannelStream
from harness.binder.abi import commands
from harness.binder.driver.ioctls import READ_SIZE
from harness.binder.driver.one_trip import REPLY_TO_CALL, Shape, Trip
from harness.binder.endpoint import Binder
from harness.binder.pair import reply_nothing
from harness.binder.parcels.parcel import Parcel
from harness.binder.services.interface import BasicCode
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.binder.serving.call import Call

CALLS = 100
"""In each round."""
SETTLES_IN = 1.0
"""Seconds of calls before the first that is measured: a device that has just started connects to adb, and
QEMU has yet to translate what it runs."""
AT_ONCE = 20
"""Calls in one batch, for what one takes on the device."""
PAGE = 4096
PAYLOADS = (0, 1 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1000 * KIB)
"""Bytes; libbinder's mapping, which the server has, takes 1,016 KiB."""
LARGE = 64 * KIB
"""From here on, the bytes outweigh the round trip."""


def _over_channel(bench: Bench) -> Iterator[Row]:
    echo = bench.controller.machine.ports.run(["/system/bin/cat"])
    agent = bench.controller.machine.ports.run([AGENT])
    assert echo is not None
    assert agent is not None
    with RemoteProcess.start(ChannelStream(agent)) as process, contextlib.closing(echo):
        yield from _null_call("python.channel", bench, process, echo, most=1.25)


def _over_adb(bench: Bench) -> Iterator[Row]:
    remote = "/data/local/tmp/syscall_agent"
    bench.device.push(syscall_agent(bench.controller.hardware.architecture), remote, mode=0o755)
    echo = bench.device.open_shell("exec cat")
    with (
        RemoteProcess.start(bench.device.open_shell(f"exec {remote}")) as process,
        contextlib.closing(echo),
    ):
        yield from _null_call("python.adb", bench, process, echo, most=1.5)


def _null_call(name: str, bench: Bench, process: RemoteProcess, echo: Echo, most: float) -> Iterator[Row]:
    """A call without data to AOSP's servicemanager, and its reply, against an echo on such a channel.

    And against what no client in any language can save: the echo, and the call made on the device. The steady
    state is measured, in which one call follows the other: processors and caches are then warm on both sides.
    """
    with Binder.open(process, BINDER) as binder, process.memory.allocate(PAGE) as page:
        manager = ServiceManager(binder)
        many = _pings(process, binder, page.address) * AT_ONCE

        def on_device() -> float:
            taken = milliseconds(lambda: [result.checked() for result in process.main.batch(*many)])
            return taken / AT_ONCE

        settling = Deadline(SETTLES_IN)
        while not settling.expired:
            manager.ping()
        calls, echoes, alone = in_turns(
            10 * bench.rounds,
            [
                ("ping of the service manager, in a row", _in_a_row(manager.ping)),
                ("echo by cat, in a row", _in_a_row(lambda: echoed(echo))),
                ("ping by the device alone", on_device),
            ],
        )
    least = tuple(map(sum, zip(echoes.values, alone.values, strict=True)))
    yield Row(name, "ms", calls, echoes, most=most)
    yield Row(f"{name}, device alone", "ms", alone, echoes)
    yield Row(f"{name}, against both", "ms", calls, Figure("echo, and ping by the device", least), most=1.25)


def _in_a_row(action: Callable[[], object]) -> Callable[[], float]:
    """Measures what each takes, in milliseconds, of as many as a round has."""
    return lambda: milliseconds(lambda: [action() for _ in range(CALLS)]) / CALLS


def _pings(process: RemoteProcess, binder: Binder, address: int) -> list[Operation]:
    """What the agent does in a ping."""
    ping = commands.Transaction(code=BasicCode.PING_TRANSACTION).encode()
    shape = Shape(len(ping), READ_SIZE, awaited=REPLY_TO_CALL)
    assert shape.memory <= PAGE
    return [*Trip(process.architecture, binder.descriptor, address, shape).batch(ping, None).operations]


def _cost_of_python(bench: Bench) -> Iterator[Row]:
    """A null call from Python, against one by a program on the device: the factor that Python costs."""
    with bench.device.process() as process, Binder.open(process, BINDER) as binder:
        manager = ServiceManager(binder)
        python, native = in_turns(
            bench.rounds,
            [
                ("from Python", lambda: 1e3 * statistics.median(timed(manager.ping)() for _ in range(CALLS))),
                ("ipc_bench on the device", lambda: run(bench, "binder").median),
            ],
        )
    yield Row("python.factor", "µs", python, native)


def _payloads(bench: Bench) -> Iterator[Row]:
    """Calls with data of each size from one Python thread to another, how they grow, and their memory."""
    with free_pair(bench, reply_nothing, threads=1) as pair:
        data = {size: Parcel().raw(bytes(size)) for size in PAYLOADS}
        figures = in_turns(
            5 * bench.rounds,
            [
                (sized(size), timed(functools.partial(pair.client.transact, 0, 1, parcel)))
                for size, parcel in data.items()
            ],
        )
    curve = dict(zip(PAYLOADS, figures, strict=True))
    for size, figure in curve.items():
        yield Row(f"python.payload.{sized(size)}", "ms", figure, curve[0])
    large = {size: curve[size] for size in PAYLOADS if size >= LARGE}
    yield Row("python.payload, growth", "", exponent(large))
    yield from memory_rows("python.payload", bench, [*large], lambda size: _HeldCall(bench, size))


class _HeldCall:
    """A call with data that is not replied to during the block; its two processes are there before."""

    def __init__(self, bench: Bench, size: int) -> None:
        self._data = Parcel().raw(bytes(size))
        self._entered, self._released = threading.Semaphore(0), threading.Semaphore(0)
        self._stack = contextlib.ExitStack()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(1))
        self._pair = self._stack.enter_context(free_pair(bench, self._hold, threads=1))
        self._pool.submit(self._pair.client.transact, 0, 1, Parcel()).result(WAITS_FOR)

    def __enter__(self) -> None:
        self._call = self._pool.submit(self._pair.client.transact, 0, SLOW, self._data)
        self._entered.acquire(timeout=WAITS_FOR)

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self._released.release()
            self._call.result(WAITS_FOR)

    def _hold(self, call: Call) -> None:
        if call.code == SLOW:
            self._entered.release()
            self._released.acquire(timeout=WAITS_FOR)


BENCHMARKS = [
    Benchmark("python.channel", _over_channel),
    Benchmark("python.adb", _over_adb),
    Benchmark("python.factor", _cost_of_python),
    Benchmark("python.payload", _payloads),
]
