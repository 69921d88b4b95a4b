"""What runs on a Dask worker: the claims on one device, told to the client as they are judged."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence

from distributed import Worker, WorkerPlugin, get_worker

from emulator.base.interruption import Interrupted
from harness.experiments.core.json_values import Json, to_json
from harness.matrix.child import judge_on
from harness.report.matrix import Column
from harness.report.run import Note

DEVICE = "binder_harness_device"
"""The resource of which each worker has one, unless it was started with more of it."""


class OneDevice(WorkerPlugin):
    """Gives each worker, also one that comes later, room for one device."""

    name = DEVICE

    async def setup(self, worker: Worker) -> None:
        """Declare the room, where the worker's own command line did not."""
        if DEVICE not in worker.state.total_resources:
            await worker.set_resources(**{DEVICE: 1})


def dask_setup(_worker: Worker) -> None:
    """Leave Ctrl-C to the client: on a terminal it reaches the workers that were started there, too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def judge_on_worker(target: str, claims: Sequence[str], topic: str) -> Json:
    """Judge claims, by id, on the device of `target`: a column, as JSON.

    The device ends with the worker, and as soon as nobody wants the result any more.
    """
    worker = get_worker()
    key = worker.get_current_task()

    def ended_by() -> BaseException | None:
        task = worker.state.tasks.get(key)
        return None if task is not None and task.state == "executing" else Interrupted(signal.SIGTERM)

    return to_json(judge_on(target, claims, listener=_Sender(worker, topic), ended_by=ended_by))


class _Sender:
    """A listener that sends what it hears to the client, by way of the scheduler."""

    def __init__(self, worker: Worker, topic: str) -> None:
        self._worker = worker
        self._topic = topic

    def started(self, target: str, where: str) -> None:
        self._send(target, started=where or self._worker.address)

    def said(self, target: str, line: str) -> None:
        self._send(target, said=line)

    def heard(self, target: str, note: Note) -> None:
        self._send(target, note=json.dumps(note.to_json()))

    def ended(self, column: Column) -> None:
        """The task returns it."""

    def _send(self, target: str, **message: str) -> None:
        self._worker.log_event(self._topic, {"target": target, **message})
