"""Each format of the results, read by what reads it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import ExitCode, UsageError
from emulator.base.printable import printable
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import from_json
from harness.report.document import Document
from harness.report.failure import Failure
from harness.report.formats import junit, ktap, markdown
from harness.report.formats.formats import FORMATS, format_named, format_of
from harness.report.formats.report import Report
from tests.support.fake_device import FACTS
from tests.support.fake_documents import ARM, ARM_16K, changed, document_on, matrix_of
from tests.support.ktap import parse

LOST = changed(document_on(), "sm.single", verdict=Verdict.LOST, as_expected=False, reason="a panic\n# 1..2")
REFUTED = changed(document_on(), "mmap.once", verdict=Verdict.REFUTED, as_expected=False, sentence="success")
INTERRUPTED = dataclasses.replace(document_on(), interrupted="SIGINT", not_judged=("proto.waits",))
GONE = Report(
    dataclasses.replace(document_on(None), not_judged=("mmap.once",)),
    (Failure(message="QEMU is missing", exit_code=ExitCode.SETUP_MISSING),),
)
HOSTILE = "</testcase> ]]> \x1b[31m \ud800 # SKIP | <b> *@all*\nok 1 mine\n1..5\nKTAP version 1"


def suite_of(report: Report) -> ElementTree.Element:
    suite = ElementTree.fromstring(printable(junit.render(report))).find("testsuite")
    assert suite is not None
    return suite


def test_a_case_has_its_topic_as_class_and_its_outcome() -> None:
    suite = suite_of(Report(document_on()))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "0", "errors": "0", "skipped": "1"}
    case = suite.find("testcase[@name='mmap.once']")
    assert case is not None
    assert case.get("classname") == "binder_harness.mapping"
    properties = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert properties["measured"] == "it failed with 16"
    assert properties["verdict"] == "confirmed"
    devices = suite.find("properties/property[@name='binder_devices']")
    assert devices is not None
    assert devices.get("value") == "/dev/binder,/dev/vndbinder"


@pytest.mark.parametrize(
    ("report", "kind", "message"),
    [
        (Report(REFUTED), "failure", "refuted: success"),
        (Report(LOST), "error", "lost: a panic"),
        (Report(INTERRUPTED), "error", "the run was interrupted by SIGINT"),
        (GONE, "error", "QEMU is missing"),
    ],
    ids=["unexpected", "lost", "interrupted", "no device"],
)
def test_what_is_not_well_is_no_success_anywhere(report: Report, kind: str, message: str) -> None:
    found = suite_of(report).findall(f"testcase/{kind}")
    assert message in [element.get("message") for element in found]
    tests = parse(ktap.render(report))
    assert tests.counts()["not ok"] >= 1
    assert message.split(": ")[-1] in markdown.render(report)


def test_ktap_nests_claims_in_topics_and_topics_in_devices() -> None:
    run = parse(ktap.render(Report(document_on())))
    assert [test.name for test in run.tests] == ["mapping", "copies", "service_manager", "limits"]
    assert [test.name for test in run.tests[0].tests] == ["mmap.once", "mmap.first-page"]
    assert run.counts() == {"ok": 4, "skip": 1}
    two = matrix_of(document_on(ARM, target="a"), document_on(ARM_16K, target="b"))
    matrix = parse(ktap.render(Report(two)))
    assert [test.name for test in matrix.tests] == ["a", "b"]
    assert matrix.counts() == {"ok": 8, "skip": 2}


@given(st.text(st.characters()))
def test_no_text_of_a_device_breaks_ktap_or_xml(text: str) -> None:
    for reason in (text, HOSTILE):
        for verdict in (Verdict.ERROR, Verdict.NOT_TESTABLE):
            document = changed(document_on(FACTS, "mmap.once"), "mmap.once", verdict=verdict, reason=reason)
            document = dataclasses.replace(document, target=f"adb:{text}")
            for report in (Report(document), Report(matrix_of(document))):
                counts = parse(printable(ktap.render(report))).counts()
                assert counts.total() == 2
                assert len(suite_of(report).findall("testcase")) == 2


def test_markdown_is_not_taken_for_markup() -> None:
    hostile = changed(document_on(), "mmap.once", sentence=HOSTILE)
    rows = [line for line in markdown.render(Report(hostile)).splitlines() if "mmap.once" in line]
    assert len(rows) == 1
    assert rows[0].replace(r"\|", "").count("|") == 5
    assert r"\*\@all\*" in rows[0]
    assert "<b>" not in rows[0]


def test_a_matrix_in_markdown_has_a_row_for_each_device_and_claim() -> None:
    two = matrix_of(document_on(ARM), document_on(ARM_16K, target="b"))
    lines = markdown.render(Report(two)).splitlines()
    assert "| limit.zygote | ✓ | ✓ |" in lines
    assert [line for line in lines if line.startswith("| 2 | b | ")]


def test_json_is_the_document() -> None:
    document = document_on()
    text = FORMATS["json"].render(Report(document))
    assert from_json(Document, json.loads(text)) == document


def test_a_format_is_named_or_known_by_the_files_name() -> None:
    for entry in FORMATS.values():
        assert format_named(entry.name) is entry
        for suffix in entry.suffixes:
            assert format_of(Path(f"run{suffix}")) is entry
    with pytest.raises(UsageError, match=r"no format 'pdf'\. Formats: json, junit, ktap, markdown, html"):
        format_named("pdf")
    with pytest.raises(UsageError, match=r"-o run\.pdf: its ending names no format"):
        format_of(Path("run.pdf"))
