"""The task of a Dask worker: judges the claims on one device, and sends the events to the client."""

from __future__ import annotations

import dataclasses
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distributed import Worker, WorkerPlugin, get_worker

from emulator.base.interruption import Interrupted
from emulator.cache.run_directory import run_directory
from harness.matrix.selection import Selection
from harness.matrix.target_run import judge_on
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


@dataclass(frozen=True, slots=True)
class SentSource:
    """A source of claims from elsewhere, as it is sent to another machine."""

    name: str
    """The package, which the other machine has, too, or the file's name."""
    text: str | None
    """What the file holds; None for a package."""

    @classmethod
    def of(cls, source: str) -> SentSource:
        """The source that `--claims` names, as `load_claims` returns it."""
        path = Path(source)
        return cls(path.name, path.read_text(encoding="utf-8")) if path.suffix == ".py" else cls(source, None)

    def kept_in(self, directory: Path) -> str:
        """The source as `--claims` names it here: a file is written below the directory."""
        if self.text is None:
            return self.name
        path = Path(tempfile.mkdtemp(dir=directory), self.name)
        path.write_text(self.text, encoding="utf-8")
        return str(path)


def judge_on_worker(target: str, selection: Selection, sources: Sequence[SentSource], topic: str) -> str:
    """Judge claims on the device of `target`; return the last event of its run, encoded.

    The sources of the selection are those that were sent. The other events go to `topic` as they happen. The
    device ends with the worker, or as soon as the client cancels the task.
    """
    worker = get_worker()
    key = worker.get_current_task()

    def ended_by() -> BaseException | None:
        task = worker.state.tasks.get(key)
        return None if task is not None and task.state == "executing" else Interrupted(signal.SIGTERM)

    def send(event: Event) -> None:
        worker.log_event(topic, encode(event))

    with run_directory() as directory:  # which the next run removes where the worker is killed
        here = [source.kept_in(directory) for source in sources]
        selection = dataclasses.replace(selection, sources=here)
        column = judge_on(target, selection, view=send, ended_by=ended_by, where=worker.address)
    return encode(Ended(target=target, column=column))
