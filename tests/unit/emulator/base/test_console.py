from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from emulator.base.console import Console
from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path / "console.log")


def test_a_line_is_found_whether_it_came_before_or_comes_later(console: Console) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        reader = threading.Thread(target=console.read_from, args=(stream,))
        reader.start()
        os.write(writing, b"one\r\ntwo is here\r\n")
        assert console.wait_for("two", since=0, deadline=Deadline(20)) == "two is here"
        position = console.position
        with pytest.raises(TimeLimitError, match="two"):
            console.wait_for("two", since=position, deadline=Deadline(0.01))
        os.write(writing, b"two again\n")
        assert console.wait_for("two", since=position, deadline=Deadline(20)) == "two again"
        os.close(writing)
        assert console.wait_for("three", since=0, deadline=Deadline(20)) is None
        reader.join(20)
    assert console.log.read_bytes() == b"one\r\ntwo is here\r\ntwo again\n"


@pytest.mark.parametrize("log", [Path("/dev/full"), Path("/proc/none")])
def test_a_log_that_cannot_be_written_holds_up_nothing(console: Console, log: Path) -> None:
    console.log = log
    console.read_from(io.BytesIO(b"one\ntwo\n"))
    assert (console.tail(), console.ended) == ("one\ntwo", True)


def test_a_panic_is_noticed_and_reading_stops_when_it_is_printed_whole(console: Console) -> None:
    console.read_from(
        io.BytesIO(
            b"[    9.0] Kernel panic - not syncing: sysrq triggered crash\n"
            b"[    9.0] Call Trace:\n"
            b"[    9.1] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\n"
            b"more\n"
        )
    )
    assert console.panic == "Kernel panic - not syncing: sysrq triggered crash"
    assert "Call Trace" in console.tail()
    assert "more" not in console.tail()


def test_undecodable_bytes_are_kept_in_the_file_and_shown_replaced(console: Console) -> None:
    console.read_from(io.BytesIO(b"\xff\xfe noise\n"))
    assert console.tail() == "\ufffd\ufffd noise"
    assert console.log.read_bytes() == b"\xff\xfe noise\n"


def test_the_file_and_the_lines_have_a_limit(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.base.console.LARGEST_LOG", 100_000)
    console.read_from([b"%09d\n" % number * 100 for number in range(1000)])
    logged = console.log.read_bytes()
    assert 50_000 <= len(logged) <= 100_000
    assert logged.startswith(b"[Binder harness dropped what came before]\n")
    assert logged.endswith(b"000000999\n")
    console.read_from([b"z" * 50_000 + b"\n"])
    assert console.tail(1) == "z" * 2000
