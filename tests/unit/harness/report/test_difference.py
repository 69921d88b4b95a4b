from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from emulator.base.errors import ExitCode, UsageError
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Verdict
from harness.report import difference
from harness.report.document import Document
from harness.report.matrix import Matrix
from harness.report.terminal import diff
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, ARM_16K, changed, document_on, matrix_of


def printed(pair: difference.DocumentPair) -> str:
    stream = io.StringIO()
    diff.show(pair, Console(file=stream, width=100, highlight=False))
    return stream.getvalue()


def test_two_runs_of_one_device_are_no_change() -> None:
    later = dataclasses.replace(document_on(), started="2026-11-22T12:00:00+00:00")
    pair = difference.DocumentPair(document_on(), later)
    assert not pair.differs
    assert "5 claims, none changed" in printed(pair)


def test_two_devices_are_shown_with_what_differs() -> None:
    pair = difference.DocumentPair(document_on(ARM, target="small"), document_on(ARM_16K, target="large"))
    assert [row.id for row in pair.changes] == ["limit.zygote"]
    text = printed(pair)
    for shown in (
        "- small: Linux 6.12.48+deb12-amd64, aarch64, 4 KiB pages",
        "+ large: Linux 6.12.48+deb12-amd64, aarch64, 16 KiB pages",
        "  page size: 4,096 → 16,384",
        "  - 1,040,384 bytes are mapped by process 4103, and a page has 4,096 bytes",
        "  + 1,015,808 bytes are mapped by process 16391, and a page has 16,384 bytes",
        "    mapped: 1,040,384 bytes → 1,015,808 bytes",
        "limit.zygote                ✓ confirmed\n",
        "5 claims, 1 changed",
    ):
        assert shown in text
    assert "pid:" not in text


def test_a_verdict_that_changed_is_shown_with_both() -> None:
    before = document_on()
    after = changed(before, "mmap.once", verdict=Verdict.REFUTED, as_expected=False, sentence="success")
    text = printed(difference.DocumentPair(before, after))
    assert "✓ confirmed → ✗ refuted, UNEXPECTED" in text
    assert "- it failed with 16\n  + success" in text


def test_a_figure_that_varies_is_no_change() -> None:
    now, later = (
        changed(document_on(), "mmap.once", figures={"errno": Figure(value, "mmap", varies=True)})
        for value in (1, 2)
    )
    assert not difference.DocumentPair(now, later).differs


def test_of_a_run_of_some_claims_only_those_are_compared() -> None:
    whole, part = document_on(), document_on(FACTS, "mmap.once")
    for pair in (difference.DocumentPair(whole, part), difference.DocumentPair(part, whole)):
        assert not pair.differs
        when = "before" if pair.before is whole else "after"
        assert printed(pair).endswith(
            "2 claims, none changed\n"
            f"3 claims judged only {when}: mmap.first-page, copy.binder-one, sm.single\n"
        )


def test_a_claim_that_has_lost_its_result_is_a_change() -> None:
    part = dataclasses.replace(document_on(FACTS, "mmap.once"), not_judged=("sm.single",))
    pair = difference.DocumentPair(document_on(FACTS, "mmap.once", "sm.single"), part)
    assert pair.differs
    assert "not judged any more: sm.single" in printed(pair)


def test_a_run_that_was_ended_is_named() -> None:
    part = dataclasses.replace(
        document_on(FACTS, "mmap.once"), interrupted="SIGTERM", not_judged=("sm.single",)
    )
    lines = printed(difference.DocumentPair(document_on(FACTS, "mmap.once", "sm.single"), part)).splitlines()
    assert lines[1].startswith("+ embedded")
    assert lines[2:4] == ["  the run was interrupted by SIGTERM", "  1 of 3 claims was not judged"]


def test_a_device_that_was_not_there_has_no_claims() -> None:
    pair = difference.DocumentPair(document_on(None), document_on())
    assert pair.differs
    assert "no device" in printed(pair)


def targets(pairs: list[difference.DocumentPair]) -> list[tuple[str | None, str | None]]:
    return [
        (pair.before.target if pair.before else None, pair.after.target if pair.after else None)
        for pair in pairs
    ]


def test_devices_of_matrices_are_paired_by_target() -> None:
    a, b, c = (document_on(target=target) for target in "abc")
    pairs = difference.document_pairs(matrix_of(a, b), matrix_of(c, a))
    assert targets(pairs) == [("a", "a"), ("b", None), (None, "c")]
    assert [pair.differs for pair in pairs] == [False, True, True]
    assert printed(pairs[1]).startswith("- b: Linux")
    assert printed(pairs[2]).startswith("+ c: Linux")
    assert targets(difference.document_pairs(a, b)) == [("a", "b")]
    assert targets(difference.document_pairs(matrix_of(a, b), b)) == [("a", None), ("b", "b")]


def test_either_kind_of_document_is_read(tmp_path: Path) -> None:
    document_on().write(tmp_path / "run.json")
    matrix_of(document_on()).write(tmp_path / "matrix.json")
    assert isinstance(difference.load(tmp_path / "run.json"), Document)
    assert isinstance(difference.load(tmp_path / "matrix.json"), Matrix)
    (tmp_path / "other.json").write_text('{"schema": "other"}')
    with pytest.raises(UsageError, match="its schema is not binder-harness/results or binder-harness/matrix"):
        difference.load(tmp_path / "other.json")


def test_a_column_is_found_by_its_target() -> None:
    matrix = matrix_of(document_on(target="a"), document_on(target="b"), exit_code=ExitCode.UNEXPECTED)
    assert difference.column_of(matrix, "b").target == "b"
    with pytest.raises(UsageError, match=r"no device 'c'[.] It has: a, b"):
        difference.column_of(matrix, "c")
