"""The task of a Dask worker: judges the claims on one device, and sends the events to the client."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from distributed import Worker, WorkerPlugin, get_worker

from emulator.base.interruption import Interrupted
from harness.matrix.child import judge_on
from harness.report.events import Ended, Event, encode

DEVICE = "binder_harness_device"
"""The Dask resource of which each worker has one, unless its command line gives it more."""


class OneDevice(WorkerPlugin):
    """Gives each worker, including those that start later, the resource for one device."""

    name = DEVICE

    async def setup(self, worker: Worker) -> None:
        """Declare the resource, unless the worker's own command line did."""
        if DEVICE not in worker.state.total_resources:
            await worker.set_resources(**{DEVICE: 1})


def dask_setup(_worker: Worker) -> None:
    """Leave Ctrl-C to the client: on a terminal, workers started from there get it, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def judge_on_worker(target: str, claims: Sequence[str], topic: str) -> str:
    """Judge claims, by id, on the device of `target`; return the last event of its run, encoded.

    The other events go to `topic` as they happen. The device ends with the worker, or as soon as the client
    cancels the task.
    """
    worker = get_worker()
    key = worker.get_current_task()

    def ended_by() -> BaseException | None:
        task = worker.state.tasks.get(key)
        return None if task is not None and task.state == "executing" else Interrupted(signal.SIGTERM)

    def send(event: Event) -> None:
        worker.log_event(topic, encode(event))

    column = judge_on(target, claims, view=send, ended_by=ended_by, where=worker.address)
    return encode(Ended(target=target, column=column))
