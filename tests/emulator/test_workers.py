"""A matrix over a real scheduler with real worker processes, each of which boots its own device."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from emulator.base.deadline import Deadline
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.loading import load_claims
from harness.matrix.selection import Selection
from harness.matrix.workers import judge_on_workers
from harness.report.events import Event
from tests.support.own_claims import unchanged_registries, written
from tests.support.processes import descendants, has_ended
from tests.support.recorder import Recorder

__all__ = ["unchanged_registries"]

WITHIN = 60.0
TARGETS = ("embedded", "embedded?userland=none", "embedded?managers=all")
CLAIM_IDS = [claim.id for claim in CLAIMS.select(["node"])]


class AtTheFirstResult(Recorder):
    """Ends a process by a signal when the first claim of all is judged: that worker, or this process."""

    def __init__(self, process_ids: dict[str, int], sent: signal.Signals) -> None:
        super().__init__()
        self.process_ids = process_ids
        self.sent = sent
        self.hit = ""
        self.devices: set[int] = set()

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if self.judged and not self.hit:
            self.hit = event.target
            worker = self.process_ids[dict(self.starts)[event.target]]
            workers = [worker] if self.sent is signal.SIGKILL else self.process_ids.values()
            started = {process_id for each in workers for process_id in descendants(each)}
            self.devices = {process_id for process_id in started if _is_machine(process_id)}
            os.kill(worker if self.sent is signal.SIGKILL else os.getpid(), self.sent)


def _is_machine(process_id: int) -> bool:
    return Path(f"/proc/{process_id}/cmdline").read_bytes().startswith(b"qemu-system")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    # More threads than devices: one device for each worker is what is asked of the scheduler.
    with LocalCluster(n_workers=2, threads_per_worker=4, dashboard_address=None, silence_logs=50) as cluster:
        yield cluster


def on_workers(cluster: LocalCluster, sent: signal.Signals) -> AtTheFirstResult:
    with Client(cluster) as client:
        return AtTheFirstResult(client.run(os.getpid), sent)


@pytest.mark.usefixtures("unchanged_registries")
def test_what_a_killed_worker_had_is_judged_elsewhere_and_counts_once(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    recorder = on_workers(cluster, signal.SIGKILL)
    sources = load_claims([written(tmp_path)])
    claims = [*CLAIM_IDS, "own.doors"]
    selection = Selection(claims, sources)
    judge_on_workers(TARGETS, selection, scheduler=cluster.scheduler_address, jobs=1, view=recorder)
    assert Counter(column.target for column in recorder.columns) == Counter(TARGETS)
    for column in recorder.columns:
        assert (column.exit_code, column.failures) == (0, ())
        assert [result.id for result in column.document.claims] == claims
        assert column.document.stated_in[-1].title == "Our guide"
    starts = Counter(target for target, _ in recorder.starts)
    assert starts.pop(recorder.hit) == 2
    assert set(starts.values()) == {1}
    assert len(recorder.devices) == 1
    Deadline(WITHIN).poll(
        lambda: all(map(has_ended, recorder.devices)), "the end of the killed worker's device"
    )


def test_an_interruption_ends_the_devices_of_all_workers(cluster: LocalCluster) -> None:
    recorder = on_workers(cluster, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        judge_on_workers(
            TARGETS, Selection(CLAIM_IDS), scheduler=cluster.scheduler_address, jobs=1, view=recorder
        )
    columns = {column.target: column for column in recorder.columns}
    assert len(recorder.columns) == len(columns) == len(TARGETS)
    hit = columns[recorder.hit]
    assert (hit.exit_code, hit.failures, hit.document.interrupted) == (130, (), "SIGINT")
    assert hit.document.claims
    assert len(hit.document.claims) + len(hit.document.not_judged) == len(CLAIM_IDS)
    assert recorder.devices
    Deadline(WITHIN).poll(lambda: all(map(has_ended, recorder.devices)), "the end of the workers' devices")
