"""The event loop of a Dask cluster on this machine and of its client, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from emulator.base.errors import TimeLimitError

if TYPE_CHECKING:
    from tornado.ioloop import IOLoop

START_SECONDS = 60.0


@contextlib.contextmanager
def running_loop(seconds: float = START_SECONDS) -> Iterator[IOLoop]:
    """Run an event loop until the end of the block. Raises TimeLimitError where it does not start in time.

    Dask starts one itself where it is given none, but waits ten seconds for it, and ends in an AssertionError
    where a starved machine takes longer (distributed/utils.py, LoopRunner).
    """
    from tornado.ioloop import IOLoop

    started: Future[tuple[IOLoop, asyncio.Event]] = Future()

    async def run() -> None:
        end = asyncio.Event()
        started.set_result((IOLoop.current(), end))
        await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="Dask's event loop", daemon=True)
    thread.start()
    try:
        loop, end = started.result(seconds)
    except TimeoutError:
        raise TimeLimitError(f"Dask's event loop: not started within {seconds:g} s") from None
    try:
        yield loop
    finally:
        loop.add_callback(end.set)
        thread.join(seconds)
