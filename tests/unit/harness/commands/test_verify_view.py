from __future__ import annotations

import pytest

from harness.commands.claims.live.verify_view import verify_view


def test_a_worker_that_reports_after_the_end_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """As a clone of the device does while the run ends that Ctrl-C interrupted."""
    with verify_view(["mmap.once"]) as view:
        view.show_line("in time")
    view.show_line("late")
    assert capfd.readouterr().err == "in time\n"
