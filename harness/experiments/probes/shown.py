"""Probes of what the driver shows: debug files, tracepoints, parameters, devices; # stands for a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.base.deadline import Deadline
from harness.binder.abi import commands
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.instruments.non_blocking import exchange
from harness.experiments.probes.bench import Bench, numberless
from harness.experiments.probes.probe import probe
from harness.kernel.tracing.binder_transactions import GROUPS, base_name

if TYPE_CHECKING:
    from harness.device.device import DeviceProcess

WORDS = ("invalid handle", "failed")
"""Of the messages about a call to an unknown handle."""
LOG_SECONDS = 20.0
"""The kernel leaves out messages of a sort that came more than ten times in five seconds."""


def _lines(bench: Bench, end: DeviceProcess, *starts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for line in bench.block_of(end) if line.startswith(starts)))


def _of_server(bench: Bench, *starts: str) -> tuple[str, ...]:
    return _lines(bench, bench.pair.server_process, *starts)


@probe("debug.where", trap="Debugfs has nothing.")
def where(bench: Bench) -> object:
    """In which directory are the debug files?"""
    return bench.device.binder.location


@probe("debug.files")
def files(bench: Bench) -> object:
    """Which are there?"""
    return sorted(bench.device.files.list_directory(bench.device.binder.location))


@probe("debug.thread")
def thread(bench: Bench) -> object:
    """How is a looper shown?"""
    exchange(bench.server, commands.EnterLooper())
    return _of_server(bench, "thread")


@probe("debug.node")
def node(bench: Bench) -> object:
    """How is a node shown?"""
    return _of_server(bench, "node")


@probe("debug.reference")
def reference(bench: Bench) -> object:
    """How is a reference shown?"""
    exchange(bench.client, commands.Acquire(0))
    return _lines(bench, bench.pair.client_process, "ref")


@probe("debug.queued", trap="A tool that counts `active` buffers finds none.")
def queued(bench: Bench) -> object:
    """How is the buffer of a transaction shown that was not read?"""
    bench.send(bytes(64), flags=TransactionFlag.TF_ONE_WAY)
    return _of_server(bench, "buffer")


@probe("debug.read", trap="A tool that counts `delivered` buffers finds none.")
def read(bench: Bench) -> object:
    """And of one that was read and not freed?"""
    bench.send(bytes(64), flags=TransactionFlag.TF_ONE_WAY)
    bench.received()
    return _of_server(bench, "buffer")


@probe("debug.pending")
def pending(bench: Bench) -> object:
    """How is a transaction shown that waits for a thread?"""
    bench.send(bytes(64))
    return _of_server(bench, "pending", "incoming", "outgoing")


@probe("debug.incoming")
def incoming(bench: Bench) -> object:
    """And one that a thread handles?"""
    bench.send(bytes(64))
    bench.received()
    return _of_server(bench, "pending", "incoming", "outgoing")


@probe("debug.outgoing")
def outgoing(bench: Bench) -> object:
    """And at its caller?"""
    bench.send(bytes(64))
    return _lines(bench, bench.pair.client_process, "pending", "incoming", "outgoing")


@probe("debug.idle", trap="A tool that takes each process in `transactions` for a busy one is wrong.")
def idle(bench: Bench) -> object:
    """Does `transactions` list a process that has none?"""
    text = bench.device.files.read_text(f"{bench.device.binder.location}/transactions")
    return f"proc {bench.pair.client_process.pid}\n" in text


@probe("debug.stats")
def stats(bench: Bench) -> object:
    """Which lines has a process in `stats`, apart from commands?"""
    text = bench.text("stats").partition("proc #")[2].partition("proc #")[0]
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("BC_", "BR_", "context"))]


@probe("debug.stats-noop")
def stats_noop(bench: Bench) -> object:
    """Which of BR_NOOP and BR_SPAWN_LOOPER do the statistics count?"""
    bench.server.controls.set_max_threads(1)
    bench.send()
    exchange(bench.server, commands.EnterLooper())
    text = bench.text("stats")
    return [name for name in ("BR_NOOP", "BR_SPAWN_LOOPER") if f"{name}:" in text]


@probe("debug.failed-log", trap="There is no such file.")
def failed_log(bench: Bench) -> object:
    """Which line does a failed transaction leave in `failed_transaction_log`?"""
    bench.send(target=99)
    return bench.text("failed_transaction_log").splitlines()[-1].strip()


@probe("debug.hashed")
def hashed(bench: Bench) -> object:
    """How does `state_hashed` show a node's address?"""
    lines = bench.text("state_hashed").splitlines()
    return [line.strip() for line in lines if line.strip().startswith("node")][:1]


@probe("trace.group", trap="A trace of the group `binder` is empty.")
def group(bench: Bench) -> object:
    """In which group are the driver's tracepoints?"""
    return [name for name in GROUPS if bench.device.tracing.events(name)]


@probe("trace.events", trap="A trace of binder:binder_transaction_alloc_buf is empty.")
def events(bench: Bench) -> object:
    """Which are there?"""
    found = [event for name in GROUPS for event in bench.device.tracing.events(name)]
    return sorted(base_name(event.partition(":")[2]) for event in found)


@probe("trace.transaction")
def transaction(bench: Bench) -> object:
    """What does the one of a transaction show?"""
    events = [f"{name}:binder_transaction" for name in GROUPS if bench.device.tracing.events(name)]
    with bench.device.tracing.record(events=events, pids=[bench.pair.client_process.pid]) as recording:
        bench.send(flags=TransactionFlag.TF_ONE_WAY)
    return [numberless(event.text) for event in recording.events()]


@probe("module.name")
def module_name(bench: Bench) -> object:
    """What is the module called?"""
    names = bench.device.files.list_directory("/sys/module")
    return [name for name in names if name in ("binder", "binder_linux", "rust_binder")]


@probe("module.parameters", trap="A setting by the other name is ignored.")
def parameters(bench: Bench) -> object:
    """Which parameters has it?"""
    (name, *_) = [
        name
        for name in ("binder_linux", "rust_binder", "binder")
        if bench.device.files.exists(f"/sys/module/{name}/parameters")
    ]
    return sorted(bench.device.files.list_directory(f"/sys/module/{name}/parameters"))


@probe("device.major", trap="Who looks for `binder` in /proc/misc finds no driver.")
def major(bench: Bench) -> object:
    """Under which name is its number in /proc/devices?"""
    lines = bench.device.files.read_text("/proc/devices").splitlines()
    return [line.split()[1] for line in lines if "binder" in line] or "none"


@probe("device.misc")
def misc(bench: Bench) -> object:
    """Which of its devices are in /proc/misc?"""
    lines = bench.device.files.read_text("/proc/misc").splitlines()
    return [line.split()[1] for line in lines if "binder" in line]


@probe("device.features")
def features(bench: Bench) -> object:
    """Which files has binderfs' directory of features?"""
    return sorted(bench.device.files.list_directory("/dev/binderfs/features"))


@probe("mapping.flags")
def mapping_flags(bench: Bench) -> object:
    """Which flags has a mapping?"""
    return sorted(bench.pair.server_process.maps.at(bench.server.mapping).vm_flags)


@probe("log.unknown-handle")
def log(bench: Bench) -> object:
    """What does the kernel log show of a call to an unknown handle?"""
    shown: set[str] = set()

    def all_shown() -> bool:
        before = bench.device.shell("dmesg").count("\n")
        bench.send(target=99)
        for line in bench.device.shell("dmesg").splitlines()[before:]:
            if any(word in line for word in WORDS):
                shown.add(numberless(line.partition("] ")[2]))
        return all(any(word in line for line in shown) for word in WORDS)

    Deadline(LOG_SECONDS).poll(all_shown, "the messages about a failed call", interval=1.0)
    return frozenset(shown)
