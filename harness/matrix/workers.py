"""Distributes the devices of a matrix to the workers of a Dask scheduler: one at a time on each worker.

Dask distributed is pure Python and starts its workers itself: on this machine, over SSH, on Kubernetes, in
batch systems. When a worker dies, it runs the task again on another one, and returns one result.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.base.errors import ExitCode, HarnessError, SetupError
from harness.matrix.selection import Selection
from harness.matrix.shared_run import SECONDS, time_limit_error
from harness.matrix.target_run import aborted_column, failed_column
from harness.report.events import Ended, Started, View, decode
from harness.report.matrix import Column
from harness.report.run import Run, arranged
from harness.report.stored import harness_version

if TYPE_CHECKING:
    from distributed import Client, Future

LOCAL = "local"
PLAIN = ("tcp", "ws")
"""The protocols without TLS; `tcp` is Dask's default."""
WITH_TLS = ("tls", "wss")
CONNECT_SECONDS = 10.0
WORKER_SECONDS = 60.0
"""How long to wait for the scheduler's first worker."""


def judge_on_workers(
    targets: Sequence[str],
    selection: Selection,
    *,
    scheduler: str,
    jobs: int,
    view: View,
    connect_seconds: float = CONNECT_SECONDS,
    worker_seconds: float = WORKER_SECONDS,
) -> None:
    """Judge claims on each device; the view gets the end of each run exactly once.

    Of the sources of claims, files go to the workers, packages have to be there.
    `scheduler` is the address of one whose workers have Binder harness installed, or `local` to start one
    with `jobs` worker processes on this machine. Any exception, such as Ctrl-C, ends the devices on all
    workers, and the view still gets the end of each run. Raises what `client_of` does.
    """
    with client_of(scheduler, jobs, connect_seconds, worker_seconds) as client:
        from distributed import as_completed

        from harness.matrix.task import DEVICE, OneDevice, SentSource, judge_on_worker

        runs = _Runs(targets, selection.claims, view)
        topic = f"binder-harness-{uuid.uuid4()}"
        client.subscribe_topic(topic, runs)
        client.register_plugin(OneDevice())
        sent = [SentSource.of(source) for source in selection.sources]
        waiting = {
            client.submit(
                judge_on_worker, target, selection, sent, topic, pure=False, resources={DEVICE: 1}
            ): target
            for target in targets
        }
        seconds = SECONDS * len(waiting)
        end: BaseException = time_limit_error(seconds)
        try:
            for future in as_completed(list(waiting), timeout=seconds):
                column = runs.column(waiting[future], future)
                del waiting[future]
                view(Ended(target=column.target, column=column))
        except TimeoutError:
            pass  # `end` is the failure of every unfinished device
        except BaseException as error:
            end = error
            raise
        finally:
            client.cancel(list(waiting))
            for target in waiting.values():
                view(Ended(target=target, column=aborted_column(runs.by_target[target], end)))


def unprotected(scheduler: str) -> bool:
    """Whether this scheduler is on another machine, and authenticates nobody."""
    if scheduler == LOCAL:
        return False
    protocol, _, rest = scheduler.rpartition("://")
    host = urlsplit(f"//{rest}").hostname or ""
    return (protocol or PLAIN[0]) in PLAIN and not _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextlib.contextmanager
def client_of(scheduler: str, jobs: int, connect_seconds: float, worker_seconds: float) -> Iterator[Client]:
    """A client of a scheduler that has a worker; a local cluster ends with the block.

    Raises SetupError without Dask, where the scheduler does not reply, or where it has no worker.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SetupError(
            "--scheduler needs Dask distributed. Install it: pip install 'binder-harness[scheduler]'"
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
                security=True,  # TLS with a certificate of its own: on 127.0.0.1, any user could connect
            )
            address = stack.enter_context(cluster)
        try:
            if scheduler != LOCAL:
                _check_address(scheduler)
            client = stack.enter_context(Client(address, timeout=connect_seconds))
        except (OSError, ValueError) as error:
            raise SetupError(
                f"No Dask scheduler replies at {scheduler}: {error}. "
                f"Start one with `dask scheduler`, or use one on this machine: --scheduler {LOCAL}"
            ) from error
        try:
            client.wait_for_workers(1, timeout=worker_seconds)
        except TimeoutError as error:
            raise SetupError(
                f"The scheduler at {scheduler} has no worker. On a machine with Binder harness, start one: "
                f"dask worker {scheduler}"
            ) from error
        yield client


def _check_address(scheduler: str) -> None:
    """Raise ValueError for what is no address, SetupError for one with TLS where Dask has no certificate.

    Dask finds both out when the client is half made, and does not close that half: garbage collection does.
    In the thread of an event loop that is being started, this waits for the lock that the start holds, and
    after ten seconds the start ends in an AssertionError (distributed/utils.py, LoopRunner, 2026.8).
    """
    import dask
    from distributed import Security
    from distributed.comm.addressing import get_address_host

    get_address_host(scheduler)
    encrypted = scheduler.partition("://")[0] in WITH_TLS
    loaded = dask.config.get("distributed.client.security-loader", None)
    if encrypted and not loaded and Security().get_connection_args("client")["ssl_context"] is None:
        raise SetupError(
            f"{scheduler} needs a certificate: name its files in the environment, "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on. See docs/matrix-and-ci.md, Security."
        )


class _Runs:
    """Takes the events from the workers into a run for each device, which outlives its worker."""

    def __init__(self, targets: Sequence[str], claims: Sequence[str], view: View) -> None:
        self._claims = claims
        self._view = view
        self.by_target = {target: self._new_run(target) for target in targets}

    def __call__(self, message: tuple[float, str]) -> None:
        """Take a message of a worker."""
        _, line = message
        event = decode(line)
        if isinstance(event, Started):  # once more after the death of a worker
            self.by_target[event.target] = self._new_run(event.target)
        self.by_target[event.target](event)
        self._view(event)

    def column(self, target: str, future: Future[str]) -> Column:
        """The column that a worker returned, or one with the failure of the task."""
        from distributed import KilledWorker

        try:
            ended = decode(future.result(timeout=SECONDS))
            assert isinstance(ended, Ended)
            # A worker does not know claims from elsewhere, nor their documents: its own process did.
            return dataclasses.replace(ended.column, document=arranged(ended.column.document))
        except HarnessError as error:
            return failed_column(self.by_target[target], str(error), error.exit_code)
        except KilledWorker as error:
            reason = f"Each worker that ran this device died. {error}"
            return failed_column(self.by_target[target], reason, ExitCode.DEVICE_LOST)
        except Exception as error:
            return failed_column(
                self.by_target[target],
                f"The worker failed: {type(error).__name__}: {error}\n"
                f"Workers need the same Binder harness as this machine, {harness_version()}.",
                ExitCode.SETUP_MISSING,
            )

    def _new_run(self, target: str) -> Run:
        return Run(target, datetime.now(UTC), self._claims)
