"""`judge` on stored runs of fake devices: what it prints, writes, keeps, and its exit status."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import to_json
from harness.report.document import Document
from harness.report.matrix import Matrix
from tests.support import fake_device
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, changed, document_on, matrix_of

DEVICE = "embedded: Linux 6.12.48+deb12-amd64, x86_64, 4 KiB pages, 2026-11-21 12:00:00 UTC"
UNKNOWN_CLAIM = "There is no claim 'limit.zygote'."

Judge = Callable[..., tuple[int, str, str]]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Judge:
    """Runs `binder-harness judge` with the fake claims; returns status, output and errors."""
    monkeypatch.setattr(CLAIMS, "all", fake_device.choose)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["judge", *words])
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capfd.readouterr()

    return run


def run_of(*ids: str) -> Document:
    """A run whose claims all exist today."""
    document = document_on(FACTS, *ids)
    return dataclasses.replace(document, claims=document.claims[:-1])


def refuted(document: Document) -> Document:
    """The document as one that was judged by an older claim: another verdict, the same measurement."""
    return changed(document, "mmap.once", verdict=Verdict.REFUTED, as_expected=False)


def test_an_unchanged_run_shows_its_device_once(judge: Judge) -> None:
    run_of("mmap.once", "sm.single").write(Path("run.json"))
    status, output, errors = judge("run.json")
    assert (status, errors) == (0, "")
    assert output == f"{DEVICE}\n\n2 claims judged again, none differently\n"


def test_only_what_is_judged_differently_is_shown(judge: Judge) -> None:
    refuted(run_of("mmap.once", "sm.single")).write(Path("run.json"))
    status, output, errors = judge("run.json")
    assert (status, errors) == (1, "")
    assert output.count(DEVICE) == 1
    assert re.search(r"^mmap\.once +✗ refuted, UNEXPECTED → ✓ confirmed$", output, flags=re.MULTILINE)
    assert "sm.single" not in output
    assert output.endswith("\n2 claims judged again, 1 differently\n")


def test_a_matrix_is_judged_device_by_device(judge: Judge) -> None:
    arm = dataclasses.replace(document_on(ARM, "mmap.once", target="embedded?arch=arm64"), claims=())
    matrix_of(refuted(run_of("mmap.once")), arm).write(Path("matrix.json"))
    status, output, _ = judge("matrix.json", "--json", "again.json")
    assert status == 1
    assert output.count("1 claim judged again, 1 differently") == 1
    assert output.count("0 claims judged again, none differently") == 1
    assert [line.split(":")[0] for line in output.splitlines() if ", 4 KiB pages, " in line] == [
        "embedded",
        "embedded?arch=arm64",
    ]
    again = Matrix.load(Path("again.json"))
    assert [[result.verdict for result in document.claims] for document in again.documents] == [
        [Verdict.CONFIRMED],
        [],
    ]


def test_two_devices_of_one_target_are_no_matrix(judge: Judge) -> None:
    matrix_of(run_of("mmap.once"), run_of("sm.single")).write(Path("matrix.json"))
    status, output, errors = judge("matrix.json")
    assert (status, output) == (2, "")
    assert "matrix.json is damaged: the document.columns[1].target is 'embedded'" in errors


@pytest.mark.parametrize("measurement", [{"size": 16}, {"number": "sixteen"}, [16]])
def test_a_measurement_of_another_shape_is_kept_with_a_note(judge: Judge, measurement: object) -> None:
    stored = changed(run_of("mmap.once", "sm.single"), "mmap.once", measurement=measurement)
    stored.write(Path("run.json"))
    status, output, errors = judge("run.json", "--json", "again.json")
    assert status == 0
    assert errors.startswith("binder-harness: embedded: the result of mmap.once is kept: ")
    assert "the measurement of mmap.once" in errors
    assert errors.count("\n") == 1
    assert "mmap.once" not in output
    assert Document.load(Path("again.json")) == stored


def test_a_claim_that_no_longer_exists_is_kept_with_a_note(judge: Judge) -> None:
    stored = document_on(FACTS, "mmap.once")
    stored.write(Path("run.json"))
    status, _, errors = judge("run.json", "--json", "again.json")
    assert status == 0
    assert errors.startswith(f"binder-harness: embedded: the result of limit.zygote is kept: {UNKNOWN_CLAIM}")
    assert Document.load(Path("again.json")) == stored


def test_facts_that_the_run_did_not_record_are_named(judge: Judge) -> None:
    value = to_json(run_of("mmap.once"))
    assert isinstance(value, dict)
    assert isinstance(value["device"], dict)
    del value["device"]["java"], value["device"]["driver_probes"]
    Path("run.json").write_text(json.dumps(value))
    status, _, errors = judge("run.json")
    assert status == 0
    assert errors == (
        "binder-harness: embedded: judged as without what the run did not record: driver probes, java\n"
    )


def test_a_result_without_a_measurement_is_kept(judge: Judge) -> None:
    lost = {"verdict": Verdict.LOST, "as_expected": False, "reason": "panic", "measurement": None}
    stored = changed(run_of("mmap.once"), "mmap.once", **lost)
    stored.write(Path("run.json"))
    assert judge("run.json", "--json", "again.json")[0] == 0
    assert Document.load(Path("again.json")) == stored


def test_json_has_today_s_verdicts_and_the_old_measurements(judge: Judge) -> None:
    stored = run_of("mmap.once", "sm.single")
    refuted(stored).write(Path("run.json"))
    status, output, _ = judge("run.json", "--json", "again.json")
    assert status == 1
    assert output.endswith("\nAll results with their figures: again.json\n")
    assert Document.load(Path("again.json")) == stored


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.json",), "none.json cannot be read: No such file or directory"),
        (("text.json",), "text.json is not JSON"),
        (("other.json",), "other.json is not a result document"),
        (("run.json", "--json", "none/again.json"), "none/again.json cannot be written"),
        ((), "Missing argument 'FILE'"),
    ],
)
def test_wrong_usage(judge: Judge, words: tuple[str, ...], message: str) -> None:
    run_of("mmap.once").write(Path("run.json"))
    Path("text.json").write_text("no JSON")
    Path("other.json").write_text("{}")
    status, output, errors = judge(*words)
    assert (status, output) == (2, "")
    assert message in errors
