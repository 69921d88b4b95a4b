from __future__ import annotations

import dataclasses
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.base.errors import SetupError, UsageError
from emulator.base.progress import reporting_to
from harness.experiments.core.json_values import to_json
from harness.experiments.core.result import Result
from harness.report import difference, journal
from harness.report.document import Document
from harness.report.events import Ended, Event, Judged, Line, Opened, Started, encode
from harness.report.journal import A_SUDDEN_END, Heading, Journal
from harness.report.matrix import Matrix
from tests.support.fake_device import AS_EXPECTED, FACTS
from tests.support.fake_documents import document_on, matrix_of

DOCUMENT = document_on()
REQUESTED = (*AS_EXPECTED, "limit.zygote", "proto.waits")
HEADING = Heading(started=DOCUMENT.started, targets=("embedded",), claims=REQUESTED)
EVENTS: list[Event] = [
    Line(target="embedded", text="starting"),
    Opened(target="embedded", facts=FACTS),
    *(Judged(target="embedded", result=result) for result in DOCUMENT.claims),
]


def encoded(heading: Heading) -> str:
    return json.dumps(to_json(heading)) + "\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The document of a run; its directory is empty."""
    return tmp_path / "run.json"


def killed(document: Path, heading: Heading = HEADING, events: list[Event] = EVENTS) -> Path:
    """The journal of a run that was killed after these events."""
    running = Journal(document, heading)
    for event in events:
        running(event)
    return running.path


def by_id(document: Document) -> dict[str, Result]:
    return {result.id: result for result in document.claims}


def ids(document: Document | Matrix) -> list[str]:
    assert isinstance(document, Document)
    return [result.id for result in document.claims]


def test_a_journal_is_the_document_of_a_killed_run(run: Path) -> None:
    path = killed(run)
    assert path.name == "run.json.partial"
    os.utime(path, (1.8e9, 1.8e9))
    document = difference.load(path)
    assert isinstance(document, Document)
    assert by_id(document) == by_id(DOCUMENT)
    assert (document.device, document.started) == (FACTS, DOCUMENT.started)
    assert (document.interrupted, document.not_judged) == (A_SUDDEN_END, ("proto.waits",))
    assert document.ended == datetime.fromtimestamp(1.8e9, UTC).isoformat()
    document.write(run)
    assert difference.load(run) == document


@pytest.mark.parametrize("events", [[], EVENTS])
def test_an_interruption_removes_a_journal_without_events(run: Path, events: list[Event]) -> None:
    running = Journal(run, HEADING)
    for event in events:
        running(event)
    with pytest.raises(KeyboardInterrupt), running.kept_if_used():
        raise KeyboardInterrupt
    assert running.path.exists() == bool(events)


@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_a_journal_is_cut_the_results_before_are_there(tmp_path: Path, data: st.DataObject) -> None:
    run = tmp_path / "run.json"
    path = journal.journal_of(run)
    path.unlink(missing_ok=True)
    whole = killed(run).read_bytes()
    heading, *rest = whole.splitlines(keepends=True)
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    if cut < len(heading) - 1:
        with pytest.raises(UsageError, match="is not the journal of a run"):
            journal.read(path)
        return
    complete = sum(cut >= len(heading) + sum(map(len, rest[: count + 1])) - 1 for count in range(len(rest)))
    found = ids(journal.read(path))
    assert sorted(found) == sorted(result.id for result in DOCUMENT.claims[: max(0, complete - 1)])


def test_a_killed_matrix_has_what_each_device_had(run: Path) -> None:
    heading = dataclasses.replace(HEADING, targets=("embedded", "arm", "never"), matrix=True)
    (column,) = matrix_of(document_on(target="arm")).columns
    events: list[Event] = [
        Started(target="embedded"),
        *EVENTS[1:4],
        Started(target="embedded", where="another"),  # the first worker died
        *EVENTS[1:3],
        Started(target="arm"),
        Ended(target="arm", column=column),
    ]
    matrix = difference.load(killed(run, heading, events))
    assert isinstance(matrix, Matrix)
    assert (matrix.interrupted, [each.target for each in matrix.columns]) == (
        A_SUDDEN_END,
        list(heading.targets),
    )
    embedded, arm, never = matrix.documents
    assert arm == column.document
    assert (embedded.interrupted, ids(embedded)) == (A_SUDDEN_END, ["mmap.once"])
    assert (never.device, never.claims, never.not_judged) == (None, (), REQUESTED)


def test_the_next_run_writes_the_document_and_starts_anew(run: Path) -> None:
    killed(run)
    lines: list[str] = []
    with reporting_to(lines.append):
        journal.prepare(run)
    document = Document.load(run)
    assert document.interrupted == A_SUDDEN_END
    assert lines == [f"{run} has what an earlier run judged until it was killed; this run replaces it"]
    assert [path.name for path in run.parent.iterdir()] == ["run.json"]


def test_a_document_that_was_written_last_is_kept(run: Path) -> None:
    path = killed(run)
    DOCUMENT.write(run)
    journal.prepare(run)
    assert Document.load(run) == DOCUMENT
    assert not path.exists()


def test_two_runs_do_not_write_one_document(run: Path) -> None:
    running = Journal(run, HEADING)
    for use in (lambda: journal.prepare(run), lambda: difference.load(running.path)):
        with pytest.raises(UsageError, match=r"run\.json\.partial goes on\. Wait for its end"):
            use()
    running.replace_by(lambda: DOCUMENT.write(run))
    assert [path.name for path in run.parent.iterdir()] == ["run.json"]


OTHER_VERSION = encoded(dataclasses.replace(HEADING, schema_version=2))
NO_DEVICE = encoded(dataclasses.replace(HEADING, targets=()))
OTHER_DEVICE = encoded(HEADING) + encode(Started(target="another")) + "\n"


@pytest.mark.parametrize(
    "content", ["a user's own\n", "{}\n", "[" * 9999, OTHER_VERSION, NO_DEVICE, OTHER_DEVICE]
)
def test_another_file_of_that_name_is_not_touched(run: Path, content: str) -> None:
    path = journal.journal_of(run)
    path.write_text(content)
    with pytest.raises(UsageError, match=r"is not the journal of a run: .* Rename or remove it"):
        journal.prepare(run)
    assert path.read_text() == content


def test_what_has_the_name_but_is_no_file_is_refused(run: Path) -> None:
    os.mkfifo(journal.journal_of(run))
    with pytest.raises(UsageError, match="is not a regular file"):
        journal.prepare(run)


def test_a_run_that_was_killed_at_once_leaves_nothing_to_keep(run: Path) -> None:
    path = journal.journal_of(run)
    path.touch()
    journal.prepare(run)
    assert list(run.parent.iterdir()) == []


def test_a_journal_that_cannot_be_written_fails_no_run(tmp_path: Path) -> None:
    lines: list[str] = []
    with reporting_to(lines.append):
        running = Journal(tmp_path / "absent" / "run.json", HEADING)
        for event in EVENTS:
            running(event)
    assert len(lines) == 1
    assert "No such file or directory. Results are kept only when the run ends." in lines[0]
    running.replace_by(lambda: DOCUMENT.write(tmp_path / "run.json"))
    assert Document.load(tmp_path / "run.json") == DOCUMENT


def test_a_document_that_cannot_be_written_is_kept_elsewhere(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    running = Journal(run, HEADING)
    with pytest.raises(SetupError, match=r"No such file or directory\. What it would hold is in ") as raised:
        running.replace_by(lambda: DOCUMENT.write(tmp_path / "absent" / "run.json"))
    (copy,) = elsewhere.glob("*/run.json")
    assert str(copy) in str(raised.value)
    assert f"binder-harness judge {running.path} --json FILE" in str(raised.value)
    assert Document.load(copy) == DOCUMENT
    assert running.path.exists()


def test_a_missing_document_whose_run_was_killed_is_explained(run: Path) -> None:
    path = killed(run)
    with pytest.raises(UsageError, match="its run did not end") as raised:
        difference.load(run)
    assert str(raised.value).endswith(f": binder-harness judge {path} --json {run}")
