"""Judges the claims on several devices on this machine, a number of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness.matrix.child import judge_on
from harness.report.events import Ended, View


def judge_locally(
    targets: Sequence[str], claims: Sequence[str], sources: Sequence[str] = (), *, jobs: int, view: View
) -> None:
    """Judge claims, by id, on each device, `jobs` of them at a time; the view gets all events.

    `sources` are those of claims from elsewhere, as `--claims` names them. Any exception, such as Ctrl-C,
    ends all runs, and the view still gets the end of each.
    """
    end: BaseException | None = None

    def judge(target: str) -> None:
        column = judge_on(target, claims, sources, view=view, ended_by=lambda: end)
        view(Ended(target=target, column=column))

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(judge, target) for target in targets]):
                future.result()
        except BaseException as error:
            end = error
            raise
