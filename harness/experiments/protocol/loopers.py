"""What the driver makes of a process's loopers: the states of its threads, and the threads it asks for."""

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
"""What threads say that the driver has not asked for."""
MAXIMA = (0, 1, 3)
"""What BINDER_SET_MAX_THREADS is set to, one after the other."""


@dataclass(frozen=True, slots=True)
class Looper:
    """A thread, what it said, and the state that the driver's debug files then show of it."""

    said: tuple[str, ...]
    state: tuple[str, ...]
    """Names of LooperState, without WAITING."""


@dataclass(frozen=True, slots=True)
class LooperStates:
    """Threads of their own by what they said, which the driver had asked none of them to."""

    loopers: tuple[Looper, ...]
    heard_after_exit: tuple[str, ...]
    """What a thread that has said BC_EXIT_LOOPER hears when a call comes in."""


@measurement("looper-states", "What state each order of looper commands puts a thread in.")
def measure_looper_states(device: Device) -> LooperStates:
    """Have fresh threads say the commands in each order, and read their states."""
    with open_non_blocking(device) as pair:
        threads = [(pair.server.on_new_thread(), words) for words in ORDERS]
        for thread, words in threads:
            thread.controls.version()  # so that the driver knows of a thread that says nothing
            thread.queue.write(*words)
        shown = _states(device, pair.server_process)
        loopers = tuple(Looper(names(words), shown[thread.remote.tid]) for thread, words in threads)
        exited, _ = threads[ORDERS.index((EnterLooper(), ExitLooper()))]
        _post(pair.client)
        return LooperStates(loopers, names(exchange(exited)))


@dataclass(frozen=True, slots=True)
class PoolStep:
    """What the driver asks for under one limit while calls come in and no looper waits for them."""

    maximum: int
    """As set with BINDER_SET_MAX_THREADS."""
    calls: int
    """How many came in under this limit."""
    asked: int
    """How many of them came with BR_SPAWN_LOOPER; each time, a new thread said BC_REGISTER_LOOPER."""
    pool: ThreadPool | None
    """What the driver's debug files show after that."""


@dataclass(frozen=True, slots=True)
class ThreadPoolGrowth:
    """A process's pool under limits that are raised."""

    steps: tuple[PoolStep, ...]
    registered: tuple[Looper, ...]
    """The threads that the driver asked for."""


@measurement("thread-pool", "How many threads the driver asks for, by BINDER_SET_MAX_THREADS.")
def measure_thread_pool(device: Device) -> ThreadPoolGrowth:
    """Under each limit, send more calls than threads can be asked for, and start all that are."""
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


class _Pool:
    """Loopers of which the newest takes the next call, and none ever waits."""

    def __init__(self, first: BinderThread) -> None:
        self.registered: list[BinderThread] = []
        self._newest = first
        self._next_words: tuple[Command, ...] = (EnterLooper(),)

    def take_call(self) -> None:
        """Take a one-way call that waits, and start a thread if the driver asks for one."""
        heard = exchange(self._newest, *self._next_words)
        # The driver holds back the next one-way call to a node until the buffer of the last is free.
        self._next_words = (commands.FreeBuffer(only(returns.Transaction, heard).buffer),)
        if any(isinstance(word, returns.SpawnLooper) for word in heard):
            self._newest = self._newest.shared.start_thread()
            self._newest.queue.write(RegisterLooper())
            self.registered.append(self._newest)


def _post(client: Binder) -> None:
    exchange(client, commands.Transaction(target=0, flags=TransactionFlag.TF_ONE_WAY))


def _states(device: Device, process: DeviceProcess) -> dict[int, tuple[str, ...]]:
    """The states of the process's threads, by thread id."""
    return {
        thread.tid: tuple(flag.name or "" for flag in thread.looper & ~LooperState.WAITING)
        for thread in device.binder.process(process.pid).threads
    }
