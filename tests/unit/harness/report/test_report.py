from __future__ import annotations

import dataclasses
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from emulator.base.errors import ExitCode, SetupError, UsageError
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.json_values import to_json
from harness.experiments.core.judge import judge
from harness.report.document import Document
from harness.report.events import Ended, Event, Failed, Judged, Line, Opened, Started, decode, encode
from harness.report.failure import Failure
from harness.report.run import Run
from harness.report.stored import check_writable
from harness.report.terminal import results
from harness.report.terminal.console import console_for
from tests.support.fake_device import CLAIMS_BY_ID, FACTS, RETURNING, FakeDevice, choose


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(CLAIMS, "all", lambda: CLAIMS_BY_ID)
    return Run("embedded", datetime.now(UTC))


def document_of(run: Run, *ids: str) -> Document:
    run(Opened(target="embedded", facts=FACTS))
    for claim in choose(*ids).values():
        run(Judged(target="embedded", result=judge(claim, cast(Any, FakeDevice()))))
    return run.document()


def printed(document: Document, console_stream: io.StringIO | None = None) -> str:
    stream = console_stream or io.StringIO()
    results.show(document, console_for(stream), accounts=True)
    return stream.getvalue()


def test_a_document_survives_its_file(run: Run, tmp_path: Path) -> None:
    document = document_of(run, *RETURNING)
    document.write(tmp_path / "results.json")
    assert Document.load(tmp_path / "results.json") == document
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_an_interrupted_run_is_marked(run: Run, tmp_path: Path) -> None:
    whole = document_of(run, "mmap.once")
    assert whole.interrupted is None
    assert printed(whole).rstrip().endswith("all as expected: ✓ 1 confirmed, in 0 s")
    run.interrupted = "SIGHUP"
    run.requested_claims = ("mmap.once", "sm.single", "proto.waits")
    part = run.document()
    assert part.not_judged == ("sm.single", "proto.waits")
    part.write(tmp_path / "part.json")
    assert Document.load(tmp_path / "part.json") == part
    assert "all of these as expected" in printed(part)
    assert printed(part).endswith("the run was interrupted by SIGHUP\n2 of 3 claims were not judged\n")


def test_a_reason_of_several_lines_is_shown_whole(run: Run) -> None:
    document = document_of(run, "copy.binder-one")
    several = dataclasses.replace(document.claims[0], reason="The first line:\n  a second\n  a third")
    shown = printed(dataclasses.replace(document, claims=(several,)))
    assert "The first line:" in shown
    assert "a second" in shown
    assert "a third" in shown


def test_the_entry_of_a_claim_is_complete(run: Run, tmp_path: Path) -> None:
    document_of(run, "mmap.once").write(tmp_path / "results.json")
    value = json.loads((tmp_path / "results.json").read_text())
    assert (value["schema"], value["schema_version"]) == ("binder-harness/results", 2)
    assert (value["target"], value["device"]["page_size"]) == ("embedded", 4096)
    (claim,) = value["claims"]
    assert {"id", "verdict", "as_expected", "sentence", "source", "seconds"} <= claim.keys()
    assert claim["figures"] == {
        "errno": {"value": 16, "where": "mmap", "expected": 16, "unit": "", "varies": False}
    }
    assert claim["measurement"] == {"number": 16}


def test_results_come_in_the_claims_order_and_the_latest_counts(run: Run) -> None:
    for name in ("sm.single", "mmap.once", "mmap.once"):
        document = document_of(run, name)
    assert [result.id for result in document.claims] == ["mmap.once", "sm.single"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not whole"),
        ("[]", "is not a result document"),
        ('{"schema": "another"}', "is not a result document"),
        ('{"schema": "binder-harness/results", "schema_version": 99}', "has version 99"),
        (
            '{"schema": "binder-harness/results", "schema_version": 1 }',
            "has version 1 .* only version 2. Write the file again .*: binder-harness verify --json FILE",
        ),
        (
            '{"schema": "binder-harness/results", "schema_version": 2}',
            "is damaged: the document lacks harness, target, started, ended, device, claims$",
        ),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(UsageError, match=message):
        Document.load(tmp_path / "results.json")


def test_damage_is_named(run: Run, tmp_path: Path) -> None:
    value = cast(dict[str, Any], to_json(document_of(run, "mmap.once")))
    value["claims"][0]["verdict"] = "maybe"
    (tmp_path / "results.json").write_text(json.dumps(value))
    with pytest.raises(UsageError, match=r'claims\[0\]\.verdict is "maybe", not one of "confirmed"'):
        Document.load(tmp_path / "results.json")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        Document.load(tmp_path / "other.json")


def test_what_no_run_yields_is_damage(run: Run, tmp_path: Path) -> None:
    value = cast(dict[str, Any], to_json(document_of(run, "mmap.once", "sm.single")))
    once, single = value["claims"]
    for changes, message in (
        ({"device": None}, r"is damaged: the document\.device is null, though claims were judged$"),
        (
            {"claims": [once, single, once]},
            r"the document\.claims\[2\]\.id is 'mmap\.once', and so is the document\.claims\[0\]\.id$",
        ),
    ):
        (tmp_path / "results.json").write_text(json.dumps(value | changes))
        with pytest.raises(UsageError, match=message):
            Document.load(tmp_path / "results.json")


def test_a_path_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "none" / "results.json", tmp_path / "file" / "x", Path("/dev/null")):
        with pytest.raises(UsageError, match=path.name):
            check_writable(path)
    check_writable(tmp_path / "results.json")
    assert not (tmp_path / "results.json").exists()


def test_a_failed_write_leaves_the_old_document(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = document_of(run, "mmap.once")
    document.write(tmp_path / "results.json")

    def no_room(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    with pytest.raises(SetupError, match=r"No space left on device\. Nor can a copy in .*: No space left"):
        dataclasses.replace(document, target="another").write(tmp_path / "results.json")
    assert Document.load(tmp_path / "results.json") == document
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_a_symbolic_link_stays_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "results.json")
    (tmp_path / "results.json").touch()
    document = document_of(run, "mmap.once")
    document.write(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert Document.load(tmp_path / "results.json") == document


def test_the_table_shows_a_newcomer_statements_and_findings(run: Run) -> None:
    text = printed(document_of(run))
    for shown in (
        "The mapping",
        "One copy",
        "mmap.first-page",
        "What mmap.first-page states.",
        "measured: pages at mmap: 0",
        "what is true: none until the first transaction",
        "this kernel has no /proc/kcore",
        "all as expected: ✓ 2 confirmed, ✗ 1 refuted, · 1 not testable here",
    ):
        assert shown in text
    assert "UNEXPECTED" not in text
    assert "\x1b" not in text


def test_why_claims_are_not_testable_is_shown_without_being_asked(run: Run) -> None:
    document = document_of(run)
    (skipped,) = (each for each in document.claims if each.verdict == "not testable here")
    twin = dataclasses.replace(skipped, id="a.twin")
    stream = io.StringIO()
    results.show(dataclasses.replace(document, claims=(*document.claims, twin)), console_for(stream))
    text = stream.getvalue()
    assert f"Not testable here\n  {skipped.id}, a.twin\n    {skipped.reason}" in text
    assert text.count(skipped.reason) == 1


def test_what_is_unexpected_is_listed_with_expected_and_got(run: Run) -> None:
    text = printed(document_of(run, "limit.figure", "limit.verdict", "proto.breaks"))
    assert "got 1,040,380 bytes, expected 1,040,384 bytes" in text
    assert "got refuted, expected confirmed" in text
    assert "ValueError: a mistake in the experiment" in text
    assert text.count("UNEXPECTED") == 3
    assert "3 unexpected" in text


def test_markup_in_what_was_measured_is_shown_as_it_is(run: Run) -> None:
    document = document_of(run, "mmap.once")
    odd = dataclasses.replace(document.claims[0], sentence="[red]rd[/red] mr [/]")
    assert "[red]rd[/red] mr [/]" in printed(dataclasses.replace(document, claims=(odd,)))


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_only_a_terminal_that_wants_it_is_coloured(
    run: Run, monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    text = printed(document_of(run, "mmap.once"), Terminal())
    assert ("\x1b[32m" in text) is coloured


def test_a_loss_outweighs_all_else(run: Run) -> None:
    codes = [run.exit_code]
    document_of(run, "limit.figure")
    codes.append(run.exit_code)
    for code in (ExitCode.SETUP_MISSING, ExitCode.DEVICE_LOST, ExitCode.USAGE):
        run(Failed(target="embedded", failure=Failure(message="of a device", exit_code=code)))
        codes.append(run.exit_code)
    assert codes == [
        ExitCode.AS_EXPECTED,
        ExitCode.UNEXPECTED,
        ExitCode.SETUP_MISSING,
        ExitCode.DEVICE_LOST,
        ExitCode.DEVICE_LOST,
    ]


def test_events_survive_their_way(run: Run) -> None:
    document = document_of(run, *RETURNING)
    failure = Failure(message="panic \ud800", exit_code=ExitCode.DEVICE_LOST)
    events: list[Event] = [
        Started(target="embedded", where="tcp://host:1"),
        Line(target="embedded", text="starting \n …"),
        Opened(target="embedded", facts=FACTS),
        *(Judged(target="embedded", result=result) for result in document.claims),
        Failed(target="embedded", failure=failure),
        Ended(target="embedded", column=run.column()),
    ]
    lines = [encode(event) for event in events]
    assert [decode(line) for line in lines] == events
    assert all(line.isascii() and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "{}", '{"event": "other"}', '{"event": {"line": 1}}', '{"event": "line", "target": 1}'],
)
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"event|Expecting"):
        decode(line)


def test_the_same_events_make_the_same_document(run: Run) -> None:
    document = document_of(run, "mmap.once")
    again = Run("embedded", run.started)
    for event in (
        Opened(target="embedded", facts=FACTS),
        Judged(target="embedded", result=document.claims[0]),
    ):
        again(decode(encode(event)))
    assert dataclasses.replace(again.document(), ended=document.ended) == document
