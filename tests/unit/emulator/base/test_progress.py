from __future__ import annotations

import logging
import re

import pytest

from emulator.base.progress import report, reporting_to, step

LENGTH = re.compile(r"\d+\.\d s")


def test_lines_go_to_the_receiver_of_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with reporting_to(lines.append):
        report("one")
    report("two")
    assert (lines, capsys.readouterr().err) == (["one"], "two\n")


def test_a_step_is_reported_and_logged_with_the_time_it_took(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []
    with (
        caplog.at_level(logging.INFO, "emulator.base.progress"),
        reporting_to(lines.append),
        step("making"),
    ):
        pass
    assert [LENGTH.sub("N s", line) for line in lines] == ["making …", "making: N s"]
    assert [LENGTH.sub("N s", line) for line in caplog.messages] == ["begin: making", "end after N s: making"]


def test_a_step_that_fails_is_logged_but_not_reported_as_done(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []
    with (
        caplog.at_level(logging.INFO, "emulator.base.progress"),
        reporting_to(lines.append),
        pytest.raises(OSError, match="full"),
        step("making"),
    ):
        raise OSError("full")
    assert lines == ["making …"]
    assert [LENGTH.sub("N s", line) for line in caplog.messages] == ["begin: making", "end after N s: making"]
