"""What is done when it is first asked for, or by itself."""

from __future__ import annotations

import threading

import pytest

from emulator.base.errors import SetupError
from emulator.base.on_demand import OnDemand

WITHIN = 10.0
NEVER = 3600.0


def test_it_is_done_once_for_all_who_ask() -> None:
    done: list[int] = []
    together = threading.Barrier(4, timeout=WITHIN)
    demand = OnDemand(lambda: done.append(1))

    def ask() -> None:
        together.wait()
        demand.ensure()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    assert (done, demand.done) == ([1], True)


def test_it_is_done_by_itself_and_not_again() -> None:
    done = threading.Semaphore(0)
    demand = OnDemand(done.release)
    demand.schedule(0)
    assert done.acquire(timeout=WITHIN)
    demand.ensure()
    assert not done.acquire(blocking=False)


@pytest.mark.parametrize("error", [SetupError("not yet"), AttributeError("a module that is half imported")])
def test_a_failure_by_itself_is_left_for_who_asks(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> None:
        failed.release()
        raise error

    shown: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", shown.append)
    failed = threading.Semaphore(0)
    demand = OnDemand(fail)
    demand.schedule(0)
    assert failed.acquire(timeout=WITHIN)
    assert demand.forget()
    assert shown == []
    with pytest.raises(type(error)):
        demand.ensure()


def test_nothing_is_done_by_itself_once_that_was_called_off() -> None:
    done: list[int] = []
    demand = OnDemand(lambda: done.append(1))
    demand.schedule(NEVER)
    assert not demand.forget()
    assert (done, demand.begun, demand.done) == ([], False, False)


@pytest.mark.parametrize("by_itself", [True, False])
def test_calling_off_waits_for_what_is_being_done(by_itself: bool) -> None:
    begun, end = threading.Event(), threading.Event()
    done: list[int] = []

    def act() -> None:
        begun.set()
        assert end.wait(WITHIN)
        done.append(1)

    demand = OnDemand(act)
    if by_itself:
        demand.schedule(0)
    else:
        threading.Thread(target=demand.ensure).start()
    assert begun.wait(WITHIN)
    threading.Timer(0.05, end.set).start()
    assert demand.forget()
    assert done == [1]


def test_what_is_forgotten_is_done_again() -> None:
    done: list[int] = []
    demand = OnDemand(lambda: done.append(1))
    demand.ensure()
    assert demand.forget()
    assert (demand.begun, demand.done) == (False, False)
    demand.ensure()
    assert done == [1, 1]
