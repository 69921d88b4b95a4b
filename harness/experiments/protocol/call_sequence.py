"""Which commands make up a call, on both sides: as the processes see them, and as the driver traces them."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Binder, open_ends
from harness.binder.abi import commands, returns
from harness.binder.abi.commands import Command
from harness.binder.abi.returns import Return
from harness.binder.driver.ioctls import READ_SIZE
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.node_files import free_node
from harness.experiments.instruments.non_blocking import names, only
from harness.kernel.tracing.binder_transactions import (
    ALLOCATED,
    RECEIVED,
    SENT,
    Hop,
    base_name,
    transaction_events,
)
from harness.kernel.tracing.events import TraceEvent
from harness.kernel.tracing.hop_collector import parse_hops

if TYPE_CHECKING:
    from harness.device.device import Device

CODE = 1
COMMAND_EVENTS = ("binder_command", "binder_return")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One BINDER_WRITE_READ: the commands that went in and those that came out."""

    written: tuple[str, ...]
    returned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traced:
    """One command as the driver's tracepoints binder_command and binder_return show it."""

    by: str
    """`caller` or `callee`, whichever end wrote or read it."""
    command: str


@dataclass(frozen=True, slots=True)
class CallSequence:
    """Two calls of one thread, each with an empty reply, the second of them traced."""

    first: tuple[Exchange, ...]
    """The caller's in the first call, the first ioctls that its thread makes."""
    caller: tuple[Exchange, ...]
    """The caller's in the second call."""
    callee: tuple[Exchange, ...]
    """The callee's in the second call."""
    traced: tuple[Traced, ...]
    """What both wrote and read in the second call, in order of time. The driver does not trace BR_NOOP."""
    hops: tuple[Hop, ...]
    """The call and the reply, as the driver's other tracepoints show them."""
    complete: bool
    """Whether the trace lacks nothing."""


@measurement("call-sequence", "Which commands make up a call, in which order.")
def measure_call_sequence(device: Device) -> CallSequence:
    """Call as libbinder does: the caller's one ioctl writes the call, and waits for what comes."""
    with (
        open_ends(device, free_node(device.facts)) as pair,
        concurrent.futures.ThreadPoolExecutor(1) as beside,
    ):

        def call_and_reply() -> tuple[tuple[Exchange, ...], tuple[Exchange, ...]]:
            calling = beside.submit(_call, pair.client)
            callee = _answer(pair.server)
            return calling.result(), callee

        first, _ = call_and_reply()
        pids = (pair.client_process.pid, pair.server_process.pid)
        events = transaction_events(device.tracing, *COMMAND_EVENTS, SENT, ALLOCATED, RECEIVED)
        with device.tracing.record(events=events, pids=pids) as recording:
            caller, callee = call_and_reply()
    ends = {pair.client.main.remote.tid: "caller", pair.server.main.remote.tid: "callee"}
    return CallSequence(
        first=first,
        caller=caller,
        callee=callee,
        traced=traced_commands(recording.events(), ends),
        hops=parse_hops(recording.events()),
        complete=not recording.lost and not recording.trace.unknown_lines,
    )


def _call(caller: Binder) -> tuple[Exchange, ...]:
    """Call, and read until the reply is there."""
    exchanges: list[Exchange] = []
    to_write: tuple[Command, ...] = (commands.Transaction(target=0, code=CODE),)
    while True:
        returned = _exchange(caller, to_write, exchanges)
        if replies := [command for command in returned if isinstance(command, returns.Reply)]:
            caller.main.queue.write(*(commands.FreeBuffer(reply.buffer) for reply in replies))
            return tuple(exchanges)
        to_write = ()


def _answer(callee: Binder) -> tuple[Exchange, ...]:
    """Wait for one call, and send an empty reply."""
    exchanges: list[Exchange] = []
    call = only(returns.Transaction, _exchange(callee, (commands.EnterLooper(),), exchanges))
    _exchange(callee, (commands.FreeBuffer(call.buffer), commands.Reply()), exchanges)
    return tuple(exchanges)


def _exchange(end: Binder, to_write: tuple[Command, ...], exchanges: list[Exchange]) -> list[Return]:
    returned = end.ioctls.write_read(commands.compose(*to_write), READ_SIZE).returns
    exchanges.append(Exchange(names(to_write), names(returned)))
    return returned


def traced_commands(events: Iterable[TraceEvent], ends: Mapping[int, str]) -> tuple[Traced, ...]:
    """What the threads of `ends` wrote and read: in the trace, `cmd=0x40406300 BC_TRANSACTION`."""
    return tuple(
        Traced(ends[event.tid], event.text.rpartition(" ")[2])
        for event in events
        if base_name(event.name) in COMMAND_EVENTS and event.tid in ends
    )
