"""How costs grow: with processes, threads, nodes, devices and claims; the exponent of each curve is a row."""

from __future__ import annotations

import contextlib
import functools
import itertools
import shlex
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.commands import allowed
from bench.commands import run as run_command
from bench.memory import memory_rows
from bench.rows import Figure, Row, exponent, in_turns, milliseconds
from bench.starts import open_warm
from bench.streams import receive_exactly
from bench.suite import Bench, Benchmark
from bench.transports import TIME_LIMIT, compared, run
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from emulator.base.progress import reporting_to
from harness.agent.thread import RemoteThread
from harness.experiments.core.claim import CLAIMS as CLAIM_REGISTRY
from harness.experiments.core.judge import judge
from harness.experiments.core.result import Result
from harness.kernel.binder_debug.state_parser import parse_state

PROCESSES = (1, 4, 16, 64)
THREADS = (1, 4, 16, 64)
NODES = (100, 1_000, 10_000, 100_000)
RECORDS = (1_000, 10_000, 100_000)
DEVICES = (1, 2, 4, 8)
CLAIMS = (1, 4, 16, 63)
CALLS = 640
"""Over all processes."""
HOLDING = b"holding\n"
"""What ipc_bench prints when all nodes exist."""


def _processes(bench: Bench) -> Iterator[Row]:
    """The rate of all clients of one server together, against clients with a pipe each; and their memory."""
    rates = {}
    for count in PROCESSES:
        figures = compared(bench, ["binder", "pipe"], "--clients", count, "--calls", CALLS // count)
        rates[count] = figures["binder"][1]
        yield Row(f"processes.{count}, throughput", "per s", rates[count], figures["pipe"][1])
    yield Row("processes, growth of throughput", "", exponent(rates))
    yield from memory_rows("processes", bench, PROCESSES, lambda count: _processes_held(bench, count))


def _threads(bench: Bench) -> Iterator[Row]:
    """System calls that Python makes on so many threads of a process at a time, and their memory."""
    rates = {}
    for count in THREADS:
        with _threads_held(bench, count) as threads, ThreadPoolExecutor(count) as pool:
            all_threads, one = in_turns(
                bench.rounds,
                [
                    (f"{count} threads", functools.partial(_rate, pool, threads)),
                    ("one of them", functools.partial(_rate, pool, threads[:1])),
                ],
            )
        rates[count] = all_threads
        yield Row(f"threads.{count}, throughput", "per s", all_threads, one)
    yield Row("threads, growth of throughput", "", exponent(rates))
    yield from memory_rows("threads", bench, THREADS, lambda count: _threads_held(bench, count))


def _rate(pool: ThreadPoolExecutor, threads: Sequence[RemoteThread]) -> float:
    """System calls a second, of all threads together."""

    def repeat(thread: RemoteThread) -> None:
        for _ in range(CALLS // len(threads)):
            thread.syscall("getppid")

    seconds = milliseconds(lambda: list(pool.map(repeat, threads))) / 1e3
    return CALLS // len(threads) * len(threads) / seconds


def _nodes(bench: Bench) -> Iterator[Row]:
    """A call from a process with many nodes to one with handles on them, against one without nodes."""
    latencies = {}
    for count in NODES:
        many, none = in_turns(
            bench.rounds,
            [
                (f"{count:,} nodes", lambda: run(bench, "binder", "--nodes", count).median),  # noqa: B023
                ("none", lambda: run(bench, "binder").median),
            ],
        )
        latencies[count] = many
        yield Row(f"nodes.{count}, latency of a call", "µs", many, none)
    yield Row("nodes, growth of the latency", "", exponent(latencies))
    yield from memory_rows("nodes", bench, RECORDS, lambda count: _nodes_held(bench, count))


def _devices(bench: Bench) -> Iterator[Row]:
    """Devices that start from one snapshot at a time, to an agent's answer; and the harness's memory."""
    figures = in_turns(
        bench.rounds,
        [(f"{count} devices", functools.partial(_started, count)) for count in DEVICES],
    )
    curve = dict(zip(DEVICES, figures, strict=True))
    for count, figure in curve.items():
        yield Row(f"devices.{count}, start of all", "ms", figure, curve[DEVICES[0]])
    yield Row("devices, growth of the start", "", exponent(curve))
    yield from memory_rows("devices", bench, DEVICES, _devices_held, of=("harness",))


def _started(count: int) -> float:
    with contextlib.ExitStack() as stack:
        started = time.perf_counter()
        stack.enter_context(_devices_held(count))
        return (time.perf_counter() - started) * 1e3


@contextlib.contextmanager
def _devices_held(count: int) -> Iterator[None]:
    """So many devices, each with a process."""

    def start(stack: contextlib.ExitStack) -> None:
        with reporting_to(lambda _: None):  # a new thread does not inherit the setting
            device = stack.enter_context(open_warm())
            stack.enter_context(device.process())

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(count) as pool:
        list(pool.map(start, [stack] * count))
        yield


def _claims(bench: Bench) -> Iterator[Row]:
    """Judging so many claims on one device, and on two; and their memory, with the results kept."""
    ids = list(CLAIM_REGISTRY.all())
    for jobs in ("1", "2"):
        figures = in_turns(
            max(1, bench.rounds // 3),
            [
                (
                    f"{count} claims",
                    functools.partial(run_command, "binder-harness", "verify", "-j", jobs, *ids[:count]),
                )
                for count in CLAIMS
            ],
        )
        curve = dict(zip(CLAIMS, figures, strict=True))
        for count, figure in curve.items():
            yield Row(f"judging.{count} on {jobs}", "s", figure, curve[CLAIMS[0]])
        yield Row(f"judging on {jobs}, growth", "", exponent(curve))
    with Bench(max(1, bench.rounds // 3)) as own, _judged(own, max(CLAIMS)):  # with all modules imported
        yield from memory_rows("judging", own, CLAIMS, lambda count: _judged(own, count))


@contextlib.contextmanager
def _judged(bench: Bench, count: int) -> Iterator[list[Result]]:
    """The results of so many claims."""
    yield [judge(claim, bench.device) for claim in itertools.islice(CLAIM_REGISTRY.all().values(), count)]


def _records(bench: Bench) -> Iterator[Row]:
    """Reading and parsing the driver's `state` file, against cat over the same channel; and their growth."""
    reading, parsing = {}, {}
    for count in RECORDS:
        with _nodes_held(bench, count):
            path = f"{bench.device.binder.location}/state"
            texts: list[str] = []
            read, copied, parsed = in_turns(
                bench.rounds,
                [
                    ("read", lambda: milliseconds(lambda: texts.append(_read(bench, path)))),  # noqa: B023
                    ("cat", lambda: milliseconds(lambda: _cat(bench, path))),  # noqa: B023
                    ("parsed", lambda: milliseconds(lambda: parse_state(texts[-1]))),  # noqa: B023
                ],
            )
        name = f"{count:,} nodes, {len(texts[-1]) / 1024:,.0f} KiB"
        reading[count] = Figure(name, read.values)
        parsing[count] = Figure(name, parsed.values)
        yield Row(f"records.{count}, read", "ms", reading[count], allowed(copied, 2, 1000, "ms"), most=1)
        yield Row(f"records.{count}, parse", "ms", parsing[count], read)
    for what, curve in (("read", reading), ("parse", parsing)):
        yield Row(f"records, growth of {what}", "", exponent(curve))


def _read(bench: Bench, path: str) -> str:
    """With more patience than files have by default: the kernel writes all nodes in one go."""
    return bench.device.files.read_text(path, deadline=Deadline(TIME_LIMIT))


def _cat(bench: Bench, path: str) -> int:
    """Bytes that cat writes."""
    program = bench.controller.machine.ports.run(["/system/bin/cat", path])
    if program is None:
        raise HarnessError("no port of the device is free")
    with contextlib.closing(program):
        deadline = Deadline(TIME_LIMIT)
        return sum(map(len, iter(lambda: program.receive(1 << 20, deadline), b"")))


@contextlib.contextmanager
def _processes_held(bench: Bench, count: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(bench.device.process())
        yield


@contextlib.contextmanager
def _threads_held(bench: Bench, count: int) -> Iterator[list[RemoteThread]]:
    with bench.device.process() as process:
        yield [process.start_thread() for _ in range(count)]


@contextlib.contextmanager
def _nodes_held(bench: Bench, nodes: int) -> Iterator[None]:
    """Run a process with so many nodes, and one with handles on them, during the block.

    Afterwards, wait until the driver has released them, as it does in a work queue: until then the device has
    a context manager, and the next one is refused.
    """
    before = _open_files(bench)
    command = [bench.ipc_bench, "binder", "--calls", "1", "--nodes", str(nodes), "--hold"]
    with contextlib.closing(bench.device.open_shell(shlex.join(["exec", *command]))) as stream:
        line = receive_exactly(stream, len(HOLDING), Deadline(TIME_LIMIT))
        if line != HOLDING:
            raise HarnessError(f"{shlex.join(command)} printed {line!r} {stream.standard_error}")
        yield
        stream.close_input()
        deadline = Deadline(TIME_LIMIT)
        while stream.receive(100, deadline):
            pass
    deadline.poll(lambda: _open_files(bench) <= before, f"the release of {nodes:,} nodes")


def _open_files(bench: Bench) -> int:
    """How many files of its devices the driver has not released."""
    return bench.device.binder.stats().counters.objects["proc"].active


BENCHMARKS = [
    Benchmark("processes", _processes),
    Benchmark("threads", _threads),
    Benchmark("nodes", _nodes),
    Benchmark("records", _records),
    Benchmark("devices", _devices),
    Benchmark("judging", _claims),
]
