"""The event loop that Dask is given."""

from __future__ import annotations

import asyncio
import threading

import pytest

from emulator.base.errors import TimeLimitError
from harness.matrix.event_loop import running_loop


def test_it_runs_for_the_block_and_ends_with_it() -> None:
    with running_loop() as loop:
        answer = asyncio.run_coroutine_threadsafe(asyncio.sleep(0, "ran"), loop.asyncio_loop)  # type: ignore[attr-defined]
        assert answer.result(10) == "ran"
        (thread,) = (each for each in threading.enumerate() if each.name == "Dask's event loop")
    assert not thread.is_alive()


def test_one_that_does_not_start_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    run = asyncio.run

    def held_up(main: object) -> None:
        held.wait(10)
        run(main)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "run", held_up)
    with (
        pytest.raises(TimeLimitError, match=r"Dask's event loop: not started within 0\.01 s"),
        running_loop(0.01),
    ):
        pass
    held.set()
