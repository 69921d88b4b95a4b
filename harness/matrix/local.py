"""Judges the claims on several targets on this machine, on a number of devices at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness.matrix.selection import Selection
from harness.matrix.target_run import TargetRun
from harness.report.events import Ended, Event, View


def judge_locally(
    targets: Sequence[str],
    selection: Selection,
    *,
    jobs: int,
    view: View,
) -> None:
    """Judge claims on each target, on `jobs` devices at a time; the view gets all events.

    Each target has a device; where more are allowed, those with most claims left get clones.
    Any exception, such as Ctrl-C, ends all runs, and the view still gets the end of each.
    """
    end: BaseException | None = None
    changed = threading.Condition()  # notified of every event, and whenever a thread is free

    def show(event: Event) -> None:
        view(event)
        with changed:
            changed.notify_all()

    runs = [TargetRun(target, selection, view=show, ended_by=lambda: end) for target in targets]

    def next_run() -> TargetRun | None:
        """The run that another device helps most; where none does, this waits for as long as one may."""
        with changed:
            while True:
                for run in runs:
                    if run.begin():
                        return run
                if all(run.over for run in runs):
                    return None
                run = max(runs, key=lambda run: run.worth_a_clone)
                if run.worth_a_clone and run.join():
                    return run
                changed.wait()

    def work() -> None:
        while (run := next_run()) is not None:
            try:
                if run.work():
                    view(Ended(target=run.target, column=run.column()))
            finally:
                with changed:
                    changed.notify_all()

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(work) for _ in range(jobs)]):
                future.result()
        except BaseException as error:
            end = error
            raise
