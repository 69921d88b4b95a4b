"""How the driver manages a process's loopers: the states of its threads, and the threads it requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.binder import Binder
from harness.binder.abi import commands, returns
from harness.binder.abi.commands import Command, EnterLooper, ExitLooper, RegisterLooper
from harness.binder.abi.structures import TransactionFlag
from harness.binder.thread.binder_thread import BinderThread
from harness.experiments.core.measurement import measurement
from harness.experiments.instruments.debug_files import statistics_of
from harness.experiments.instruments.non_blocking import exchange, names, only, open_non_blocking
from harness.kernel.binder_debug.state import LooperState
from harness.kernel.binder_debug.stats import ThreadPool

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

ORDERS: tuple[tuple[Command, ...], ...] = (
    (),
    (EnterLooper(),),
    (EnterLooper(), ExitLooper()),
    (RegisterLooper(),),
    (EnterLooper(), RegisterLooper()),
    (RegisterLooper(), EnterLooper()),
)
"""What threads write that the driver has not requested."""
MAXIMA = (0, 1, 3)
"""What BINDER_SET_MAX_THREADS is set to, one after the other."""


@dataclass(frozen=True, slots=True)
class Looper:
    """A thread, what it wrote, and the state that the driver's debug files then show of it."""

    written: tuple[str, ...]
    state: tuple[str, ...]
    """Names of LooperState, without WAITING."""


@dataclass(frozen=True, slots=True)
class LooperStates:
    """Fresh threads, none of them requested by the driver, by the commands that they wrote."""

    loopers: tuple[Looper, ...]
    returned_after_exit: tuple[str, ...]
    """What the driver returns to a thread that has written BC_EXIT_LOOPER when a call comes in."""


def measure_looper_states(device: Device) -> LooperStates:
    """Have fresh threads write the commands in each order, and read their states."""
    with open_non_blocking(device) as pair:
        threads = [(pair.server.on_new_thread(), order) for order in ORDERS]
        for thread, order in threads:
            # Makes a record of a thread that writes nothing; BINDER_VERSION does so in C alone.
            thread.ioctls.write_read(b"", 0)
            thread.queue.write(*order)
        shown = _states(device, pair.server_process)
        loopers = tuple(Looper(names(order), shown[thread.remote.tid]) for thread, order in threads)
        exited, _ = threads[ORDERS.index((EnterLooper(), ExitLooper()))]
        _post(pair.client)
        return LooperStates(loopers, names(exchange(exited)))


@dataclass(frozen=True, slots=True)
class PoolStep:
    """What the driver requests under one limit while calls come in and no looper waits for them."""

    maximum: int
    """As set with BINDER_SET_MAX_THREADS."""
    calls: int
    """How many came in under this limit."""
    requested: int
    """How many of them came with BR_SPAWN_LOOPER; each time, a new thread wrote BC_REGISTER_LOOPER."""
    pool: ThreadPool | None
    """What the driver's debug files show after that."""


@dataclass(frozen=True, slots=True)
class ThreadPoolGrowth:
    """A process's pool under limits that are raised."""

    steps: tuple[PoolStep, ...]
    registered: tuple[Looper, ...]
    """The threads that the driver requested."""


def measure_thread_pool(device: Device) -> ThreadPoolGrowth:
    """Under each limit, send more calls than threads can be requested, and start all that are."""
    steps: list[PoolStep] = []
    with open_non_blocking(device) as pair:
        pool = _Pool(pair.server.main)
        for maximum in MAXIMA:
            pair.server.controls.set_max_threads(maximum)
            calls, before = maximum + 2, len(pool.registered)
            for _ in range(calls):
                _post(pair.client)
                pool.take_call()
            statistics = statistics_of(device, pair.server_process)
            shown_pool = None if statistics is None else statistics.pool
            steps.append(PoolStep(maximum, calls, len(pool.registered) - before, shown_pool))
        shown = _states(device, pair.server_process)
        registered = tuple(
            Looper(names([RegisterLooper()]), shown[thread.remote.tid]) for thread in pool.registered
        )
    return ThreadPoolGrowth(tuple(steps), registered)


@dataclass(frozen=True, slots=True)
class Loopers:
    """The states that threads put themselves in, and the pool that the driver has a process start."""

    states: LooperStates
    growth: ThreadPoolGrowth


@measurement("loopers", "What looper commands make of a thread, and how many threads the driver requests.")
def measure_loopers(device: Device) -> Loopers:
    """Both measurements, each with processes of its own."""
    return Loopers(measure_looper_states(device), measure_thread_pool(device))


@dataclass(frozen=True, slots=True)
class RequestedThreads:
    """How many threads the driver requests of a process, by the command that each of them writes first."""

    calls: int
    """How many came in, each of them while no thread waited."""
    maximum: int
    """As set with BINDER_SET_MAX_THREADS."""
    by_registering: int
    """Where each writes BC_REGISTER_LOOPER."""
    by_entering: int
    """Where each writes BC_ENTER_LOOPER."""


@measurement("requested-threads", "Whether a requested thread may write BC_ENTER_LOOPER to register.")
def measure_requested_threads(device: Device) -> RequestedThreads:
    """Send more calls than threads can be requested; let each thread write one command, and the other."""
    maximum = MAXIMA[-1]
    calls = maximum + 2

    def requested(command: Command) -> int:
        with open_non_blocking(device) as pair:
            pool = _Pool(pair.server.main, command)
            pair.server.controls.set_max_threads(maximum)
            for _ in range(calls):
                _post(pair.client)
                pool.take_call()
            return len(pool.registered)

    return RequestedThreads(calls, maximum, requested(RegisterLooper()), requested(EnterLooper()))


class _Pool:
    """Loopers of which the newest takes the next call, and none ever waits."""

    def __init__(self, first: BinderThread, command: Command = RegisterLooper()) -> None:  # noqa: B008
        """`command` is what a requested thread writes first."""
        self.registered: list[BinderThread] = []
        self._command = command
        self._newest = first
        self._to_write: tuple[Command, ...] = (EnterLooper(),)

    def take_call(self) -> None:
        """Take a one-way call that waits, and start a thread if the driver requests one."""
        returned = exchange(self._newest, *self._to_write)
        # The driver holds back the next one-way call to a node until the buffer of the last is free.
        self._to_write = (commands.FreeBuffer(only(returns.Transaction, returned).buffer),)
        if any(isinstance(command, returns.SpawnLooper) for command in returned):
            self._newest = self._newest.shared.start_thread()
            self._newest.queue.write(self._command)
            self.registered.append(self._newest)


def _post(client: Binder) -> None:
    exchange(client, commands.Transaction(target=0, flags=TransactionFlag.TF_ONE_WAY))


def _states(device: Device, process: DeviceProcess) -> dict[int, tuple[str, ...]]:
    """The states of the process's threads, by thread id."""
    return {
        thread.tid: tuple(flag.name or "" for flag in thread.looper & ~LooperState.WAITING)
        for thread in device.binder.process(process.pid).threads
    }
