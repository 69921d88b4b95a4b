"""What is wrong with a command line is reported before a device is started, and the views."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.live import Live

from harness.cli import main
from harness.commands.recording import record_view
from harness.commands.recording.record_view import RecordView, duration, show_summary
from harness.framework.transaction_codes import code_names
from harness.kernel.tracing.events import parse_trace
from harness.kernel.tracing.hop_collector import parse_hops
from harness.kernel.tracing.recording import Lost
from harness.recording.statistics import HeldBuffers, Statistics
from harness.report.terminal.console import PrintableConsole
from tests.unit.harness.recording.test_statistics import TRACE


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-o", "recording.xml"], "Endings: .json .txt .mmd .svg .perfetto-trace .pftrace"),
        (["-o", "no/such/folder/recording.json"], "there is no folder no/such/folder"),
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
