"""Judges the claims on several devices on this machine, some of them at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness.matrix.child import judge_on
from harness.matrix.listener import Listener


def judge_here(targets: Sequence[str], claims: Sequence[str], *, jobs: int, listener: Listener) -> None:
    """Judge claims, by id, on each device, `jobs` of them at a time; the listener hears what came of each.

    Whatever raises meanwhile, Ctrl-C above all, ends them all, and the listener still gets every column.
    """
    end: BaseException | None = None

    def judge(target: str) -> None:
        listener.ended(judge_on(target, claims, listener=listener, ended_by=lambda: end))

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for ended in as_completed([pool.submit(judge, target) for target in targets]):
                ended.result()
        except BaseException as error:
            end = error
            raise
