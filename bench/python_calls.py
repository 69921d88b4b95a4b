"""Binder calls that Python makes and answers, against what their round trips cost without Binder."""

from __future__ import annotations

import contextlib
import functools
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.memory import memory_rows
from bench.round_trips import Echo, echoed, timed
from bench.rows import Figure, Row, exponent, in_turns, milliseconds
from bench.suite import Bench, Benchmark
from bench.transports import KIB, run, sized
from emulator.build.agents import syscall_agent
from emulator.embedded.image import AGENT
from harness.agent.operations import Operation
from harness.agent.process import RemoteProcess
from harness.agent.stream import ChannelStream
from harness.binder.abi import commands
from harness.binder.driver.ioctls import READ_SIZE
from harness.binder.driver.one_trip import REPLY_TO_CALL, Shape, Trip
from harness.binder.endpoint import Binder
from harness.binder.pair import Pair, open_pair, reply_nothing
from harness.binder.parcels.parcel import Parcel
from harness.binder.services.interface import BasicCode
from harness.binder.services.service import BINDER
from harness.binder.services.service_manager import ServiceManager
from harness.binder.serving.call import Call, Handler
from harness.device.device import DeviceProcess

CALLS = 100
"""In each round."""
AT_ONCE = 20
"""Calls in one batch, for what one takes on the device."""
PAGE = 4096
CLIENTS = (1, 4, 16)
PAYLOADS = (0, 1 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1000 * KIB)
"""Bytes; libbinder's mapping, which the server has, takes 1,016 KiB."""
LARGE = 64 * KIB
"""From here on, the bytes outweigh the round trip."""
SERVED = 200
"""Calls of all clients together, in each round."""
SLOW = 7
"""The code of a call whose handler waits."""
WAITS_FOR = 10.0
TRIPS_OF_A_SERVED_CALL = 2
"""One for the client, one for the server."""


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

    And against what no client in any language can save: the echo, and the call made on the device.
    """
    with Binder.open(process, BINDER) as binder, process.memory.allocate(PAGE) as page:
        manager = ServiceManager(binder)
        many = _pings(process, binder, page.address) * AT_ONCE

        def on_device() -> float:
            taken = milliseconds(lambda: [result.checked() for result in process.main.batch(*many)])
            return taken / AT_ONCE

        calls, echoes = in_turns(
            bench.rounds * CALLS,
            [
                ("ping of the service manager", timed(manager.ping)),
                ("echo by cat", timed(lambda: echoed(echo))),
            ],
        )
        (alone,) = in_turns(10 * bench.rounds, [("ping by the device alone", on_device)])
    least = tuple(echo + alone.median for echo in echoes.values)
    yield Row(name, "ms", calls, echoes, most=most)
    yield Row(f"{name}, device alone", "ms", alone, echoes)
    yield Row(f"{name}, against both", "ms", calls, Figure("echo, and ping by the device", least), most=1.25)


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
    with _pair(bench, reply_nothing, threads=1) as pair:
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
        self._pair = self._stack.enter_context(_pair(bench, self._hold, threads=1))
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


def _served(bench: Bench, *, clients: int) -> Iterator[Row]:
    """Calls from threads of one process that Python answers on as many threads of another, by their rate.

    The reference is the rate at which the same threads make system calls, divided by the trips of a call.
    """
    with _pair(bench, threads=clients) as pair, ThreadPoolExecutor(clients) as pool:
        ends = [pair.client.on_new_thread() for _ in range(clients)]
        data = Parcel().int32(41)
        call = [functools.partial(end.transact, 0, 1, data) for end in ends]
        trip = [functools.partial(end.remote.syscall, "getppid") for end in ends]
        _rate(pool, call)  # the driver requests the server's threads one by one
        calls, trips = in_turns(
            bench.rounds,
            [
                ("calls", lambda: _rate(pool, call)),
                ("pairs of getppid", lambda: _rate(pool, trip) / TRIPS_OF_A_SERVED_CALL),
            ],
        )
    yield Row(f"python.served.{clients}", "per s", calls, trips)


def _rate(pool: ThreadPoolExecutor, actions: Sequence[Callable[[], object]]) -> float:
    """How often a second the actions are done, each on its thread."""

    def repeat(action: Callable[[], object]) -> None:
        for _ in range(SERVED // len(actions)):
            action()

    started = time.perf_counter()
    list(pool.map(repeat, actions))
    return SERVED // len(actions) * len(actions) / (time.perf_counter() - started)


def _beside_a_slow_one(bench: Bench) -> Iterator[Row]:
    """A call while the handler of another one waits, against one while none does."""
    entered, released = threading.Semaphore(0), threading.Semaphore(0)

    def handler(call: Call) -> Parcel:
        if call.code == SLOW:
            entered.release()
            released.acquire(timeout=WAITS_FOR)
        return Parcel().int32(call.data.int32() + 1)

    with _pair(bench, handler, threads=2) as pair, ThreadPoolExecutor(1) as pool:
        ends = [pair.client.on_new_thread() for _ in range(2)]
        data = Parcel().int32(41)
        one = timed(lambda: ends[0].transact(0, 1, data))

        def beside() -> float:
            waiting = pool.submit(ends[1].transact, 0, SLOW, data)
            entered.acquire(timeout=WAITS_FOR)
            taken = one()
            released.release()
            waiting.result(WAITS_FOR)
            return taken

        slow, alone = in_turns(10 * bench.rounds, [("beside a slow one", beside), ("alone", one)])
    yield Row("python.beside-a-slow-one", "ms", slow, alone, most=2)


def _answer(call: Call) -> Parcel:
    return Parcel().int32(call.data.int32() + 1)


def _pair(
    bench: Bench, handler: Handler = _answer, *, threads: int
) -> contextlib.AbstractContextManager[Pair[DeviceProcess]]:
    node = bench.device.facts.free_binder_device
    assert node is not None
    return open_pair(bench.device, node, handler, threads=threads)


BENCHMARKS = [
    Benchmark("python.channel", _over_channel),
    Benchmark("python.adb", _over_adb),
    Benchmark("python.factor", _cost_of_python),
    Benchmark("python.payload", _payloads),
    *(Benchmark(f"python.served.{count}", functools.partial(_served, clients=count)) for count in CLIENTS),
    Benchmark("python.beside-a-slow-one", _beside_a_slow_one),
]
