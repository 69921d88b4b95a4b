"""Spreads the devices of a matrix over the workers of a Dask scheduler: one at a time on each worker.

Dask distributed is a library in Python alone that starts its workers itself: on this machine, over SSH, on
Kubernetes, in batch systems. It runs a task again elsewhere when its worker dies, and counts one result.
"""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.base.errors import ExitCode, HarnessError, SetupError
from harness.experiments.core.json_values import from_json
from harness.matrix.child import SECONDS, broken_off, failed, not_in_time
from harness.matrix.listener import Listener
from harness.report.matrix import Column
from harness.report.run import Note, Run
from harness.report.stored import harness_version

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"
SECONDS_TO_CONNECT = 10.0
SECONDS_TO_HAVE_A_WORKER = 60.0


def judge_on_workers(
    targets: Sequence[str], claims: Sequence[str], *, scheduler: str, jobs: int, listener: Listener
) -> None:
    """Judge claims, by id, on each device; the listener hears what came of each, exactly once.

    `scheduler` is the address of one whose workers have Binder harness installed, or `local` for one of its
    own with `jobs` worker processes on this machine. Whatever raises meanwhile, Ctrl-C above all, ends the
    devices everywhere, and the listener still gets every column. Raises SetupError without Dask, without an
    answer of the scheduler, or without a worker.
    """
    with _client(scheduler, jobs) as client:
        from distributed import as_completed

        from harness.matrix.task import DEVICE, OneDevice, judge_on_worker

        received = _Received(targets, claims, listener)
        topic = f"binder-harness-{uuid.uuid4()}"
        client.subscribe_topic(topic, received)
        client.register_plugin(OneDevice())
        waiting = {
            client.submit(judge_on_worker, target, claims, topic, pure=False, resources={DEVICE: 1}): target
            for target in targets
        }
        seconds = SECONDS * len(waiting)
        end: BaseException = not_in_time(seconds)
        try:
            for future in as_completed(list(waiting), timeout=seconds):
                column = received.column(waiting[future], future)
                del waiting[future]
                listener.ended(column)
        except TimeoutError:
            pass  # told of each device that is not done
        except BaseException as error:
            end = error
            raise
        finally:
            client.cancel(list(waiting))
            for target in waiting.values():
                listener.ended(broken_off(received.runs[target], end))


@contextlib.contextmanager
def _client(scheduler: str, jobs: int) -> Iterator[Client]:
    """A client of a scheduler that has a worker; its own cluster ends with the block."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SetupError(
            "A scheduler needs Dask distributed. Install it: pip install 'binder-harness[scheduler]'"
        ) from error
    with contextlib.ExitStack() as stack:
        address: str | LocalCluster = scheduler
        if scheduler == LOCAL:
            cluster = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.ERROR,
                preload=["harness.matrix.task"],
            )
            address = stack.enter_context(cluster)
        try:
            client = stack.enter_context(Client(address, timeout=SECONDS_TO_CONNECT))
        except (OSError, ValueError) as error:
            raise SetupError(
                f"No Dask scheduler answers at {scheduler}: {error}. "
                f"Start one with `dask scheduler`, or have one started here: --scheduler {LOCAL}"
            ) from error
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_HAVE_A_WORKER)
        except TimeoutError as error:
            raise SetupError(
                f"The scheduler at {scheduler} has no worker. Start some, on machines with Binder harness: "
                f"dask worker {scheduler}"
            ) from error
        yield client


class _Received:
    """What the workers tell as it goes on: a run for each device, for the progress and for an early end."""

    def __init__(self, targets: Sequence[str], claims: Sequence[str], listener: Listener) -> None:
        self._claims = claims
        self._listener = listener
        self.runs = {target: self._new_run(target) for target in targets}

    def __call__(self, event: tuple[float, dict[str, Any]]) -> None:
        """Take a message of a worker."""
        _, message = event
        target = message["target"]
        if "started" in message:  # again, where the worker that had it died
            self.runs[target] = self._new_run(target)
            self._listener.started(target, message["started"])
        elif "said" in message:
            self._listener.said(target, message["said"])
        else:
            note = Note.from_json(json.loads(message["note"]))
            self.runs[target].take(note)
            self._listener.heard(target, note)

    def column(self, target: str, future: Future[Any]) -> Column:
        """What came of a device: what its worker answered, or why there is no answer."""
        from distributed import KilledWorker

        try:
            return from_json(
                Column, future.result(timeout=SECONDS), where=f"what the worker said of {target}"
            )
        except HarnessError as error:
            return failed(self.runs[target], str(error), error.exit_code)
        except KilledWorker as error:
            reason = f"Worker after worker died of it. {error}"
            return failed(self.runs[target], reason, ExitCode.DEVICE_LOST)
        except Exception as error:
            return failed(
                self.runs[target],
                f"The worker could not do it: {type(error).__name__}: {error}\n"
                f"Workers need Binder harness {harness_version()}, as this machine has it.",
                ExitCode.SETUP_MISSING,
            )

    def _new_run(self, target: str) -> Run:
        return Run(target, datetime.now(UTC), self._claims)
