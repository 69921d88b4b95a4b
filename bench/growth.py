"""How the cost of a call, and of reading the driver's records, grows with processes and nodes."""

from __future__ import annotations

import contextlib
import functools
import shlex
from collections.abc import Iterator

from bench.rows import Figure, Row, in_turns, milliseconds
from bench.streams import receive_exactly
from bench.suite import Bench, Benchmark
from bench.transports import WITHIN, compared, run
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.kernel.binder_debug.state_parser import parse_state

PROCESSES = (1, 4, 16, 64)
NODES = (100, 1_000, 10_000)
CALLS = 640
"""Over all processes."""
HOLDING = b"holding\n"
"""What ipc_bench says when all nodes are there."""


def _processes(bench: Bench, *, count: int) -> Iterator[Row]:
    """The rate over all clients of one server, Binder's to a pipe's for each."""
    figures = compared(bench, ["binder", "pipe"], "--clients", count, "--calls", CALLS // count)
    yield Row(f"processes.{count}, throughput", "per s", figures["binder"][1], figures["pipe"][1])


def _nodes(bench: Bench, *, count: int) -> Iterator[Row]:
    """A call by a process that has many nodes, to one that has handles on them, beside the same without."""
    many, none = in_turns(
        bench.rounds,
        [
            (f"{count:,} nodes", lambda: run(bench, "binder", "--nodes", count).median),
            ("none", lambda: run(bench, "binder").median),
        ],
    )
    yield Row(f"nodes.{count}, latency of a call", "µs", many, none)


def _records(bench: Bench) -> Iterator[Row]:
    """The driver's whole state, read and parsed: per node, beside the smallest number of nodes."""
    reading, parsing = {}, {}
    for count in NODES:
        with _held(bench, count):
            path = f"{bench.device.binder.location}/state"
            texts: list[str] = []
            read, parsed = in_turns(
                bench.rounds,
                [
                    ("read", lambda: milliseconds(lambda: texts.append(bench.device.files.read_text(path)))),  # noqa: B023
                    ("parsed", lambda: milliseconds(lambda: parse_state(texts[-1]))),  # noqa: B023
                ],
            )
        name = f"{count:,} nodes, {len(texts[-1]) / 1024:,.0f} KiB"
        reading[count] = Figure(name, tuple(value * 1e3 / count for value in read.values))
        parsing[count] = Figure(name, tuple(value * 1e3 / count for value in parsed.values))
    for what, figures in (("read", reading), ("parse", parsing)):
        for count in NODES[1:]:
            yield Row(f"records.{count}, {what}, per node", "µs", figures[count], figures[NODES[0]])


@contextlib.contextmanager
def _held(bench: Bench, nodes: int) -> Iterator[None]:
    """A process with so many nodes, and one with handles on them."""
    command = [bench.ipc_bench, "binder", "--calls", "1", "--nodes", str(nodes), "--hold"]
    with contextlib.closing(bench.device.open_shell(shlex.join(["exec", *command]))) as stream:
        said = receive_exactly(stream, len(HOLDING), Deadline(WITHIN))
        if said != HOLDING:
            raise HarnessError(f"{shlex.join(command)} said {said!r} {stream.standard_error}")
        yield
        stream.close_input()
        deadline = Deadline(WITHIN)
        while stream.receive(100, deadline):
            pass


BENCHMARKS = [
    *(Benchmark(f"processes.{count}", functools.partial(_processes, count=count)) for count in PROCESSES),
    *(Benchmark(f"nodes.{count}", functools.partial(_nodes, count=count)) for count in NODES),
    Benchmark("records", _records),
]
