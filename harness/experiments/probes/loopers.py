"""Probes of loopers: the orders of their commands, and who is given work."""

from __future__ import annotations

from harness.binder.abi import commands
from harness.binder.abi.commands import Command
from harness.binder.abi.structures import TransactionFlag
from harness.experiments.instruments.non_blocking import exchange
from harness.experiments.probes.bench import Bench
from harness.experiments.probes.probe import probe
from harness.kernel.binder_debug.state import LooperState


def _state(bench: Bench, *written: Command) -> str:
    thread = bench.server.on_new_thread()
    thread.ioctls.write_read(b"".join(command.encode() for command in written), 0)
    shown = bench.device.binder.process(bench.pair.server_process.pid).threads
    found = [each for each in shown if each.tid == thread.remote.tid]
    return str(found[0].looper & ~LooperState.WAITING) if found else "no record"


@probe("looper.nothing")
def nothing(bench: Bench) -> object:
    """What is a thread's state after an empty BINDER_WRITE_READ?"""
    return _state(bench)


@probe("looper.enter")
def enter(bench: Bench) -> object:
    """And after BC_ENTER_LOOPER?"""
    return _state(bench, commands.EnterLooper())


@probe("looper.register")
def register(bench: Bench) -> object:
    """And after BC_REGISTER_LOOPER that the driver did not ask for?"""
    return _state(bench, commands.RegisterLooper())


@probe("looper.enter-register")
def enter_register(bench: Bench) -> object:
    """And after both?"""
    return _state(bench, commands.EnterLooper(), commands.RegisterLooper())


@probe("looper.exit")
def exit_(bench: Bench) -> object:
    """And after BC_ENTER_LOOPER and BC_EXIT_LOOPER?"""
    return _state(bench, commands.EnterLooper(), commands.ExitLooper())


@probe("looper.exit-alone")
def exit_alone(bench: Bench) -> object:
    """And after BC_EXIT_LOOPER alone?"""
    return _state(bench, commands.ExitLooper())


@probe("looper.version", trap="Who waits for a thread's record after BINDER_VERSION waits for ever.")
def version(bench: Bench) -> object:
    """Does BINDER_VERSION make a record of a thread?"""
    thread = bench.server.on_new_thread()
    thread.controls.version()
    shown = bench.device.binder.process(bench.pair.server_process.pid).threads
    return any(each.tid == thread.remote.tid for each in shown)


@probe("looper.extended-error")
def extended_error(bench: Bench) -> object:
    """And BINDER_GET_EXTENDED_ERROR?"""
    thread = bench.server.on_new_thread()
    thread.controls.extended_error()
    shown = bench.device.binder.process(bench.pair.server_process.pid).threads
    return any(each.tid == thread.remote.tid for each in shown)


@probe("looper.exited-call")
def exited_call(bench: Bench) -> object:
    """Is a call given to a thread that has left the looper?"""
    exchange(bench.server, commands.EnterLooper(), commands.ExitLooper())
    bench.send()
    return bench.write(end=bench.server)


@probe("looper.spawn")
def spawn(bench: Bench) -> object:
    """What is a process told that allows one more thread, when its only looper gets a call?"""
    bench.server.controls.set_max_threads(1)
    bench.send()
    return bench.write(commands.EnterLooper(), end=bench.server)


@probe("looper.spawn-once")
def spawn_once(bench: Bench) -> object:
    """Is it asked again, before the thread has registered?"""
    bench.server.controls.set_max_threads(2)
    bench.send()
    exchange(bench.server, commands.EnterLooper())
    exchange(bench.client.on_new_thread(), commands.Transaction(target=0))
    return bench.write(commands.EnterLooper(), end=bench.server.on_new_thread())


@probe("looper.spawn-one-way")
def spawn_one_way(bench: Bench) -> object:
    """Is it asked for a one-way call, too?"""
    bench.server.controls.set_max_threads(1)
    bench.send(flags=TransactionFlag.TF_ONE_WAY)
    return bench.write(commands.EnterLooper(), end=bench.server)
