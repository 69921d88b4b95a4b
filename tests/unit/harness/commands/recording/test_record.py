"""What is wrong with a command line is reported before a device is started, and the views."""

from __future__ import annotations

import contextlib
import io
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.program import RemoteProgram
from harness.cli import main
from harness.commands.recording import record_view
from harness.commands.recording.record import _started, _wait
from harness.commands.recording.record_view import RecordView, broken, duration, show_summary
from harness.device.device import Device
from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.events import parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.recording import Lost
from harness.recording.live import Recorder
from harness.recording.statistics import HeldBuffers, Key, Row, Statistics
from harness.report.terminal.console import PrintableConsole
from tests.unit.harness.recording.test_statistics import TRACE


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", "recording.xml"], "Endings: .json .txt .mmd .svg .perfetto-trace .pftrace"),
        (["-o", "no/such/folder/recording.json"], "no/such/folder/recording.json cannot be written: No such"),
        (["--seconds", "0"], "--seconds"),
        (["--aidl", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_a_wrong_command_line(
    arguments: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["record", *arguments, "--target", "no-such-target"])
    assert ended.value.code == 2
    assert reason in " ".join(capsys.readouterr().err.split())


def recorder(lost: Lost = Lost(0, 0, 0)) -> Any:  # noqa: B008
    statistics, held = Statistics(code_names), HeldBuffers()
    for event in parse_trace(TRACE).events:
        held.take(event)
    statistics.add(parse_hops(parse_trace(TRACE).events))
    return SimpleNamespace(
        lock=threading.Lock(),
        statistics=statistics,
        held=held,
        lost=lost,
        unreadable=0,
        events=9,
        seconds=1.5,
        name_of=lambda process: f"process-{process}\x1b[2J",
    )


def test_the_live_table_has_rates_and_buffers_and_nothing_unprintable() -> None:
    stream = io.StringIO()
    console = PrintableConsole(stream)
    console.width = 120
    view = RecordView(
        recorder(), console, cast(Live, SimpleNamespace(update=lambda shown, **_: console.print(shown)))
    )
    view.update()
    shown = stream.getvalue()
    assert "client → server" in shown
    assert "calls/s" in shown
    assert "144 bytes in 2" in shown
    assert "\x1b" not in shown


def test_the_summary_says_what_was_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_view, "SUMMARY_ROWS", 1)
    show_summary(recorder(Lost(5, 0, 0)))
    shown = capsys.readouterr().out
    assert "3 transactions in 1.5 s (9 events), INCOMPLETE: 5 events overwritten" in shown
    assert "code 7" in shown
    assert "1 more rows are in a .json file" in shown


def test_a_narrow_terminal_breaks_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("activity_standin → servicemanager", "IActivityManager.", "broadcastIntentWithFeature")
    key = Key("activity_standin", "servicemanager", "a.IActivityManager", "broadcastIntentWithFeature")
    recorded = recorder()
    recorded.statistics.rows[key] = Row(calls=1, bytes=96, largest=96)
    stream = io.StringIO()
    console = PrintableConsole(stream)
    monkeypatch.setattr(record_view, "console_for", lambda _: console)
    for width in (80, 120):
        console.width = width
        show_summary(recorded)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 120
    assert [line for line in lines if "activity_standin → servicemanager" in line]
    words = {word for line in lines for word in line.split()}
    assert {"activity_standin", "servicemanager", *names[1:], "".join(names[1:])} <= words


@given(st.text("ab. ", min_size=1), st.integers(1, 40))
def test_no_word_is_broken(text: str, width: int) -> None:
    lines = broken(text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= width or len(line.split()) <= 1 for line in lines)


def test_an_empty_recording_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    empty = recorder()
    empty.statistics = Statistics(code_names)
    show_summary(empty)
    assert "Nothing was recorded" in capsys.readouterr().err
    empty.lost = Lost(5, 0, 0)
    show_summary(empty)
    assert "Nothing was recorded" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "started"),
    [
        (["sh", "-c", "exit 7"], ["sh", "-c", "exit 7"]),
        (["service", "list"], ["service", "list"]),
        (["service list; exit 3"], ["sh", "-c", "service list; exit 3"]),
    ],
)
def test_the_words_of_the_command_are_passed_on_as_they_are(command: list[str], started: list[str]) -> None:
    def program(words: list[str]) -> Any:
        assert words == started
        return contextlib.nullcontext(SimpleNamespace(resume=lambda: words))

    with _started(cast(Device, SimpleNamespace(program=program)), command) as running:
        assert cast(Any, running) == started


class Program:
    """A program on the device that prints a line, and goes on or ends."""

    standard_error = ""

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)

    def line(self, deadline: Deadline) -> str | None:
        if self.lines:
            return self.lines.pop(0)
        raise TimeLimitError(f"not within {deadline.seconds:g} s")

    def wait(self, _: Deadline) -> Any:
        return SimpleNamespace(in_shell=7)


def test_the_command_s_status_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    view = cast(RecordView, SimpleNamespace(update=lambda: None))
    recording = cast(Recorder, SimpleNamespace(failure=None))
    assert _wait(recording, view, cast(RemoteProgram, Program("hello", None)), None, "begun") == 7
    assert "hello" in capsys.readouterr().out


def test_a_limit_that_ends_the_command_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    view = cast(RecordView, SimpleNamespace(update=lambda: None))
    recording = cast(Recorder, SimpleNamespace(failure=None))
    assert _wait(recording, view, cast(RemoteProgram, Program("hello")), 0.01, "begun") == 0
    assert "had not ended after 0.01 s (--seconds), and was killed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0 µs"),
        (0.0000471, "47.1 µs"),
        (0.00132, "1.32 ms"),
        (0.0395, "39.5 ms"),
        (2.104, "2.1 s"),
    ],
)
def test_a_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
