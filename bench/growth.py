"""How the costs of a call and of reading the driver's debug files grow with processes and nodes."""

from __future__ import annotations

import contextlib
import functools
import shlex
from collections.abc import Iterator

from bench.commands import allowed
from bench.rows import Figure, Row, exponent, in_turns, milliseconds
from bench.streams import receive_exactly
from bench.suite import Bench, Benchmark
from bench.transports import TIME_LIMIT, compared, run
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.kernel.binder_debug.state_parser import parse_state

PROCESSES = (1, 4, 16, 64)
NODES = (100, 1_000, 10_000)
RECORDS = (1_000, 10_000, 100_000)
CALLS = 640
"""Over all processes."""
HOLDING = b"holding\n"
"""What ipc_bench prints when all nodes exist."""


def _processes(bench: Bench, *, count: int) -> Iterator[Row]:
    """The rate of all clients of one server together, against clients with a pipe each."""
    figures = compared(bench, ["binder", "pipe"], "--clients", count, "--calls", CALLS // count)
    yield Row(f"processes.{count}, throughput", "per s", figures["binder"][1], figures["pipe"][1])


def _nodes(bench: Bench, *, count: int) -> Iterator[Row]:
    """A call from a process with many nodes to one with handles on them, against one without nodes."""
    many, none = in_turns(
        bench.rounds,
        [
            (f"{count:,} nodes", lambda: run(bench, "binder", "--nodes", count).median),
            ("none", lambda: run(bench, "binder").median),
        ],
    )
    yield Row(f"nodes.{count}, latency of a call", "µs", many, none)


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
def _nodes_held(bench: Bench, nodes: int) -> Iterator[None]:
    """Run a process with so many nodes, and one with handles on them, during the block."""
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


BENCHMARKS = [
    *(Benchmark(f"processes.{count}", functools.partial(_processes, count=count)) for count in PROCESSES),
    *(Benchmark(f"nodes.{count}", functools.partial(_nodes, count=count)) for count in NODES),
    Benchmark("records", _records),
]
