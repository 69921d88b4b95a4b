"""Spreads the devices of a matrix over the workers of a Dask scheduler: one at a time on each worker.

Dask distributed is a library in Python alone that starts its workers itself: on this machine, over SSH, on
Kubernetes, in batch systems. It runs a task again elsewhere when its worker dies, and counts one result.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from emulator.base.errors import ExitCode, HarnessError, SetupError
from harness.matrix.child import SECONDS, broken_off, failed, not_in_time
from harness.report.events import Ended, Started, View, decode
from harness.report.matrix import Column
from harness.report.run import Run
from harness.report.stored import harness_version

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"
SECONDS_TO_CONNECT = 10.0
SECONDS_TO_HAVE_A_WORKER = 60.0


def judge_on_workers(
    targets: Sequence[str], claims: Sequence[str], *, scheduler: str, jobs: int, view: View
) -> None:
    """Judge claims, by id, on each device; the view gets the end of each run exactly once.

    `scheduler` is the address of one whose workers have Binder harness installed, or `local` for one of its
    own with `jobs` worker processes on this machine. Any exception, Ctrl-C above all, ends the devices
    everywhere, and the view still gets the end of each run. Raises SetupError without Dask, without an answer
    of the scheduler, or without a worker.
    """
    with _client(scheduler, jobs) as client:
        from distributed import as_completed

        from harness.matrix.task import DEVICE, OneDevice, judge_on_worker

        received = _Received(targets, claims, view)
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
                view(Ended(target=column.target, column=column))
        except TimeoutError:
            pass  # every device that is not done gets this as its reason
        except BaseException as error:
            end = error
            raise
        finally:
            client.cancel(list(waiting))
            for target in waiting.values():
                view(Ended(target=target, column=broken_off(received.runs[target], end)))


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
    """Takes the events from the workers: a run for each device, so that what arrived outlives its worker."""

    def __init__(self, targets: Sequence[str], claims: Sequence[str], view: View) -> None:
        self._claims = claims
        self._view = view
        self.runs = {target: self._new_run(target) for target in targets}

    def __call__(self, message: tuple[float, str]) -> None:
        """Take a message of a worker."""
        _, line = message
        event = decode(line)
        if isinstance(event, Started):  # again, where the worker that had it died
            self.runs[event.target] = self._new_run(event.target)
        self.runs[event.target](event)
        self._view(event)

    def column(self, target: str, future: Future[str]) -> Column:
        """The column that a worker returned, or one with the reason why there is none."""
        from distributed import KilledWorker

        try:
            ended = decode(future.result(timeout=SECONDS))
            assert isinstance(ended, Ended)
            return ended.column
        except HarnessError as error:
            return failed(self.runs[target], str(error), error.exit_code)
        except KilledWorker as error:
            reason = f"One worker after another died of it. {error}"
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
