"""Binder calls that Python answers, from several client threads, against what limits their rate."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.round_trips import ECHO_SECONDS, REQUEST, Echo, timed
from bench.rows import Row, in_turns
from bench.streams import receive_exactly
from bench.suite import Bench, Benchmark
from bench.transports import run
from emulator.base.deadline import Deadline
from harness.binder.pair import Pair, open_pair
from harness.binder.parcels.parcel import Parcel
from harness.binder.serving.call import Call, Handler
from harness.device.device import DeviceProcess

CLIENTS = (1, 4, 16)
CALLS = 400
"""Of all clients together, in each round."""
SLOW = 7
"""The code of a call whose handler waits."""
WAITS_FOR = 10.0
TRIPS = 2
"""Of a served call over the channel: one for the client, one for the server."""


def free_pair(
    bench: Bench, handler: Handler, *, threads: int
) -> contextlib.AbstractContextManager[Pair[DeviceProcess]]:
    """A client and a server on the device's binder device that nothing else uses."""
    node = bench.device.facts.free_binder_device
    assert node is not None
    return open_pair(bench.device, node, handler, threads=threads)


def _served(bench: Bench, *, clients: int) -> Iterator[Row]:
    """The rate of calls from threads of one process that Python answers on as many threads of another.

    Against the channel's limit: as many echoes in flight on one channel, two for a call. Against the same
    threads without Binder: two system calls for a call. Against Binder without Python: the same number of
    clients on the device. And against the clients' number times the rate of one.
    """
    echo = bench.controller.machine.ports.run(["/system/bin/cat"])
    assert echo is not None
    with (
        contextlib.closing(echo),
        free_pair(bench, _answer, threads=clients) as pair,
        ThreadPoolExecutor(clients) as pool,
    ):
        ends = [pair.client.on_new_thread() for _ in range(clients)]
        data = Parcel().int32(41)
        call = [functools.partial(end.transact, 0, 1, data) for end in ends]
        trip = [functools.partial(end.remote.syscall, "getppid") for end in ends]
        _rate(pool, call)  # the driver requests the server's threads one by one
        calls, one, echoes, trips = in_turns(
            3 * bench.rounds,
            [
                ("calls", lambda: _rate(pool, call)),
                (f"{clients} times one client", lambda: clients * _rate(pool, call[:1])),
                (f"pairs of echoes, {clients} in flight", lambda: _echo_rate(echo, clients) / TRIPS),
                ("pairs of getppid", lambda: _rate(pool, trip) / TRIPS),
            ],
        )
    program = ("binder", "--clients", clients, "--calls", 16 * CALLS // clients)
    (native,) = in_turns(  # afterwards: a binder device has one context manager
        bench.rounds, [("ipc_bench on the device", lambda: run(bench, *program).rate)]
    )
    name = f"python.served.{clients}"
    yield Row(name, "per s", calls, echoes)
    yield Row(f"{name}, without Binder", "per s", calls, trips)
    yield Row(f"{name}, without Python", "per s", calls, native)
    if clients > 1:
        yield Row(f"{name}, linear", "per s", calls, one)


def _rate(pool: ThreadPoolExecutor, actions: Sequence[Callable[[], object]]) -> float:
    """How often a second the actions are done, each on its thread."""

    def repeat(action: Callable[[], object]) -> None:
        for _ in range(CALLS // len(actions)):
            action()

    started = time.perf_counter()
    list(pool.map(repeat, actions))
    return CALLS // len(actions) * len(actions) / (time.perf_counter() - started)


def _echo_rate(echo: Echo, in_flight: int) -> float:
    """How many echoes a second come back while this number is under way, each sent alone."""
    deadline = Deadline(ECHO_SECONDS)
    started = time.perf_counter()
    for number in range(CALLS + in_flight):
        if number >= in_flight:
            receive_exactly(echo, len(REQUEST), deadline)
        if number < CALLS:
            echo.send(REQUEST)
    return CALLS / (time.perf_counter() - started)


def _beside_a_slow_one(bench: Bench) -> Iterator[Row]:
    """A call while the handler of another one waits, against one while none does."""
    entered, released = threading.Semaphore(0), threading.Semaphore(0)

    def handler(call: Call) -> Parcel:
        if call.code == SLOW:
            entered.release()
            released.acquire(timeout=WAITS_FOR)
        return _answer(call)

    with free_pair(bench, handler, threads=2) as pair, ThreadPoolExecutor(1) as pool:
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


BENCHMARKS = [
    *(Benchmark(f"python.served.{count}", functools.partial(_served, clients=count)) for count in CLIENTS),
    Benchmark("python.beside-a-slow-one", _beside_a_slow_one),
]
