"""Where a front end has the claims judged by other processes: the plugin reports what they send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.base.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.experiments.core.claim import Claim
    from harness.experiments.core.result import Result
    from harness.report.events import Event

    Judge = Callable[[Claim], list[Event]]

JUDGE_ELSEWHERE = pytest.StashKey["Judge"]()
"""On the config: judges a claim, and returns the events of that; the run opens no device of its own, then."""
EVENTS = pytest.StashKey["list[Event]"]()
"""On a test: the events of its claim."""


def result_in(events: list[Event]) -> Result:
    """The result among these events; HarnessError where no device could be opened."""
    from harness.report.events import Failed, Judged

    for event in events:
        if isinstance(event, Judged):
            return event.result
    raise HarnessError("; ".join(event.failure.message for event in events if isinstance(event, Failed)))
