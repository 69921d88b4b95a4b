"""The soak finds what a round leaves, and accepts no result that is lost or unmarked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import UsageError
from harness.report import journal
from harness.report.document import Document
from tests.soak.belongings import MARK, end, left_in_cache, processes
from tests.soak.campaign import Record
from tests.soak.faults import FAULTS
from tests.soak.place import places
from tests.soak.round import Outcome
from tests.soak.runs import Ended
from tests.support.processes import has_ended

KILLED = 128 + signal.SIGKILL
JUDGED = "[  1/22] mmap.once: confirmed, as expected (0.0 s)\n"


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_the_processes_of_a_round_are_found_and_ended() -> None:
    mark = uuid.uuid4().hex
    program = "import subprocess, sys; subprocess.Popen(['sleep', '60'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, MARK: mark}, check=True)
    (left,) = processes(mark)
    assert left.program == "sleep"
    end([left])
    Deadline(20).poll(lambda: has_ended(left.process_id), "the end of what was left")
    assert list(processes(mark)) == []


def test_what_is_left_in_a_cache_is_named(tmp_path: Path) -> None:
    for name in ("locks", "runs/run", "image-0123", ".image-4567.partial"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "locks" / "thing.lock").touch()
    (tmp_path / "image-0123" / "MANIFEST.json").touch()
    assert list(left_in_cache(tmp_path)) == ["locks/thing.lock", "runs/run", ".image-4567.partial"]


@pytest.mark.parametrize(
    ("status", "output", "problem"),
    [
        (0, JUDGED, "the results cannot be read"),
        (128 + signal.SIGTERM, JUDGED, "run.json is not there"),
        (KILLED, JUDGED, "neither run.json nor its journal is there"),
        (5, "", "it ended with 5"),
        (0, "Traceback (most recent call last):\n", "a traceback"),
    ],
)
def test_lost_results_are_a_problem(tmp_path: Path, status: int, output: str, problem: str) -> None:
    ended = Ended(status, output, tmp_path / "run.json")
    assert any(problem in each for each in ended.problems(frozenset({0, KILLED, 128 + signal.SIGTERM})))


def test_a_journal_is_read_once_the_last_process_of_its_run_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.json.partial").write_text("an event")
    answers = iter([UsageError("The run goes on."), UsageError("The run goes on."), OSError("read at last")])

    def read(_: Path) -> Document:
        raise next(answers)

    monkeypatch.setattr(journal, "read", read)
    (problem,) = Ended(KILLED, "", tmp_path / "run.json").problems(frozenset({KILLED}))
    assert "read at last" in problem


def test_results_have_to_be_marked_with_what_interrupted_them(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    time = "2026-01-01T00:00:00+00:00"
    Document(
        harness="0.1.0",
        target="embedded",
        started=time,
        ended=time,
        interrupted="SIGINT",
        not_judged=("mmap.once",),
        device=None,
        claims=(),
    ).write(path)
    for sent, problems in ((signal.SIGINT, 0), (signal.SIGTERM, 1)):
        ended = Ended(128 + sent, "", path)
        assert len(list(ended.problems(frozenset({128 + sent})))) == problems


def test_two_campaigns_share_no_port(tmp_path: Path) -> None:
    with places(tmp_path / "one", 2) as first, places(tmp_path / "two", 2) as second:
        assert len({place.adb_port for place in (*first, *second)}) == 4


def test_a_campaign_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    file = tmp_path / "outcomes.jsonl"
    outcome = Outcome("QEMU killed", 3, True, 1.5, ("left running",))
    Record(file, "1").add(outcome)
    Record(file, "2").add(Outcome("QEMU killed", 3, False, 0.5, ()))
    assert Record(file, "1").outcomes == {("QEMU killed", 3): outcome}
    assert [json.loads(line)["seed"] for line in file.read_text().splitlines()] == ["1", "2"]
