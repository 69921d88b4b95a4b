from __future__ import annotations

import dataclasses
import itertools
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self, cast

import pytest

from bench import __main__ as bench_program
from bench import baseline, earlier, starts, transports
from bench import commands as bench_commands
from bench.__main__ import BENCHMARKS
from bench.rows import Figure, Row, exponent, in_turns
from bench.streams import receive_exactly
from bench.suite import Bench, Benchmark, chosen
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError, UsageError
from harness.device.device import Device


def test_measurements_take_turns() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    figures = in_turns(2, [("one", lambda: measure("one")), ("other", lambda: measure("other"))])
    assert order == ["one", "other", "one", "other"]
    assert figures == [Figure("one", (1.0, 3.0)), Figure("other", (2.0, 4.0))]


def test_a_ratio_is_that_of_the_medians() -> None:
    row = Row("a", "ms", Figure("slow", (30.0, 20.0, 1000.0)), Figure("quick", (10.0, 1.0, 11.0)))
    assert row.ratio == 3.0
    assert Row("a", "ms", Figure("alone", (1.0,))).ratio is None


def test_a_target_is_met_up_to_its_ratio() -> None:
    measured, reference = Figure("a", (3.0,)), Figure("b", (2.0,))
    assert [Row("a", "ms", measured, reference, most=most).met for most in (1.5, 1.4, None)] == [
        True,
        False,
        None,
    ]
    assert Row("a", most=1.0, failure="the device is lost").met is False


def test_benchmarks_are_selected_by_name_or_prefix() -> None:
    names = [benchmark.name for benchmark in BENCHMARKS]
    assert len(set(names)) == len(names)
    assert chosen(BENCHMARKS, []) == BENCHMARKS
    assert [benchmark.name for benchmark in chosen(BENCHMARKS, ["start"])] == [
        "start.cold",
        "start.warm",
        "start.fresh",
        "start.virtme-ng",
    ]
    # `python.served.1` is not the beginning of `python.served.16`.
    served = chosen(BENCHMARKS, ["python.served.1"])
    assert [benchmark.name for benchmark in served] == ["python.served.1"]
    with pytest.raises(UsageError, match=r"There is no benchmark 'star'.*start\.cold"):
        chosen(BENCHMARKS, ["start", "star"])


def test_a_failure_is_a_row_after_those_that_were_measured() -> None:
    def measure(_: Bench) -> Iterator[Row]:
        yield Row("first", "ms", Figure("first", (1.0,)))
        raise HarnessError("the device has none")

    with Bench(1) as bench:
        rows = list(Benchmark("several", measure).rows(bench))
    assert [(row.name, row.failure) for row in rows] == [("first", ""), ("several", "the device has none")]


class Pieces:
    """A program whose output comes in these pieces, and ends."""

    standard_error = "no memory"

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def receive(self, limit: int, deadline: Deadline | None = None) -> bytes:
        assert deadline is not None
        piece = self._pieces.pop(0) if self._pieces else b""
        assert len(piece) <= limit
        return piece


def test_output_in_pieces_is_joined() -> None:
    assert receive_exactly(Pieces(b"hol", b"din", b"g\n"), 8, Deadline(5)) == b"holding\n"


def test_output_that_ends_early_is_an_error() -> None:
    with pytest.raises(HarnessError, match="b'hold' no memory"):
        receive_exactly(Pieces(b"hold"), 8, Deadline(5))


def test_devices_beside_one_that_does_not_start_are_closed() -> None:
    numbers = itertools.count()
    opened: list[int] = []
    closed: list[int] = []

    class Clone:
        def __init__(self, number: int) -> None:
            self.number = number
            self.serial = str(number)

        def __enter__(self) -> Self:
            opened.append(self.number)
            return self

        def __exit__(self, *_: object) -> None:
            closed.append(self.number)

    def open_clone() -> Device:
        number = next(numbers)
        if number == 1:
            raise HarnessError("no memory for another")
        return cast(Device, Clone(number))

    with Bench(1) as bench, pytest.raises(HarnessError, match="no memory for another"):
        list(starts.clones(bench, open_clone))
    assert len(opened) >= 1
    assert sorted(closed) == sorted(opened)


def row(name: str, *values: float, reference: tuple[float, ...] = ()) -> Row:
    return Row(name, "ms", Figure("it", values), Figure("other", reference) if reference else None)


def test_what_moved_by_more_than_its_spread_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    assert baseline.read(file) == {}
    rows = [row("slower", 1.0, 1.2), row("same", 1.0, 2.0), Row("failed", failure="no device")]
    assert baseline.keep(file, rows, replace=False) == ["slower", "same"]
    known = baseline.read(file)
    assert known == {"slower": (1.0, 1.2), "same": (1.0, 2.0)}
    assert baseline.moved(known["slower"], (2.0, 2.4)) == pytest.approx(2.0)
    assert baseline.moved(known["slower"], (0.5, 0.6)) == pytest.approx(0.5)
    assert baseline.moved(known["same"], (1.9, 9.0)) == 1
    assert baseline.moved((0.0, 0.0), (1.0, 2.0)) == math.inf, "the comparison had ended in a traceback"


def test_the_first_figure_of_a_row_is_its_baseline_until_another_is_to_be_kept(tmp_path: Path) -> None:
    """Only the first run's rows had one: after one of some benchmarks, no other's figure ever moved."""
    file = tmp_path / "baseline.json"
    baseline.keep(file, [row("one", 1.0)], replace=False)
    assert baseline.keep(file, [row("one", 2.0), row("two", 2.0)], replace=False) == ["two"]
    assert baseline.read(file) == {"one": (1.0, 1.0), "two": (2.0, 2.0)}
    assert baseline.keep(file, [row("two", 3.0)], replace=True) == ["two"]
    assert baseline.read(file) == {"one": (1.0, 1.0), "two": (3.0, 3.0)}


def test_what_is_no_baseline_is_refused_before_anything_is_measured_and_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It had no rows, then, and was replaced."""
    file = tmp_path / "notes.json"
    file.write_text('{"one": "damaged"}')
    monkeypatch.setattr(bench_program, "_measured", lambda *_: pytest.fail("it was measured"))
    monkeypatch.setattr(sys, "argv", ["bench", "--baseline", str(file), "--keep"])
    assert bench_program.main() == 2
    assert f"{file} is no baseline. Remove it" in capsys.readouterr().err
    assert file.read_text() == '{"one": "damaged"}'


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bench_program, "_measured", lambda *_: pytest.fail("it was measured"))
    monkeypatch.setattr(sys, "argv", ["bench", "--json", str(tmp_path / "none" / "bench.json")])
    assert bench_program.main() == 2
    assert "bench.json cannot be written: No such file" in capsys.readouterr().err


def test_runs_at_once_are_all_started_and_the_last_ends_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)

    def run(*_: str) -> float:
        together.wait(30)
        return 0.0

    monkeypatch.setattr(bench_commands, "run", run)
    assert bench_commands.run_at_once(3, "binder-harness", "verify") > 0
    assert together.n_waiting == 0


def test_a_figure_with_a_reference_is_compared_by_the_ratio_of_each_turn() -> None:
    loaded = row("a", 10.0, 20.0, reference=(5.0, 10.0))
    assert baseline.spread_of(loaded) == (2.0, 2.0)
    assert baseline.spread_of(row("a", 10.0, 20.0, reference=(4.0,))) == (2.5, 5.0)
    assert baseline.spread_of(Row("a", failure="no device")) is None


def test_the_exponent_of_a_curve_is_found_for_each_turn() -> None:
    curve = {size: Figure(str(size), (3.0 * size, 2.0 * size**2, 5.0)) for size in (10, 100, 1000)}
    assert exponent(curve).values == pytest.approx((1.0, 2.0, 0.0))


def test_each_row_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that compare one figure with several were each compared with the last one's baseline."""
    figure = Figure("it", (1.0,))

    def compared(_bench: Bench, ways: list[str], *_: object) -> dict[str, tuple[Figure, Figure]]:
        return {way: (dataclasses.replace(figure, name=way),) * 2 for way in ways}

    monkeypatch.setattr(transports, "compared", compared)
    with Bench(1) as bench:
        rows = [row.name for benchmark in transports.BENCHMARKS for row in benchmark.rows(bench)]
    assert len(rows) == len(set(rows)) == 64


def test_what_is_measured_is_named_by_its_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=one", "-c", "user.email=one@example.com"]
        command = ["git", "-C", str(tmp_path), *identity, *words]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    monkeypatch.setattr(earlier, "ROOT", tmp_path)
    monkeypatch.delenv("GIT_DIR", raising=False)  # which git sets for its hooks
    assert earlier.commit() == ""
    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    assert earlier.commit() == git("rev-parse", "--short", "HEAD")
    (tmp_path / "file").write_text("another")
    assert earlier.commit() == f"{git('rev-parse', '--short', 'HEAD')}-dirty"


def test_an_earlier_run_is_shown_beside_this_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(values: tuple[float, ...], *words: object) -> tuple[int, str]:
        rows = [Row("call", "ms", Figure("pings", values), Figure("echoes", (1.0,)))]
        monkeypatch.setattr(bench_program, "_measured", lambda *_: (rows, "no device"))
        monkeypatch.setattr(
            sys, "argv", ["bench", "--baseline", str(tmp_path / "baseline"), *map(str, words)]
        )
        return bench_program.main(), capsys.readouterr().out

    monkeypatch.setenv("COLUMNS", "200")
    figures = tmp_path / "figures.json"
    monkeypatch.setattr(earlier, "commit", lambda: "1a2b3c4")
    run((4.0, 5.0, 6.0), "--json", figures)
    status, shown = run((2.0,), "--before", figures)
    assert (status, "5 ms (ratio 5.00)" in shown, "2.00" in shown) == (0, True, True)
    assert "before (1a2b3c4)" in shown
    figures.write_text("[]")
    assert run((2.0,), "--before", figures) == (2, "")
