"""AOSP's test programs as claims: which there are, and the verdict on each way that a program can end."""

from __future__ import annotations

import importlib

import pytest

from harness.aosp_tests.expected import NOT_IN_LINUX
from harness.aosp_tests.googletest import Outcome, TestCase
from harness.aosp_tests.running import ProgramRun, chosen
from harness.experiments.core.claim import CLAIMS, Topic
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import from_json, to_json
from tests.support.fake_device import FACTS
from tests.support.own_claims import unchanged_registries

__all__ = ["unchanged_registries"]

pytestmark = pytest.mark.usefixtures("unchanged_registries")

PASSED = TestCase("A.one", Outcome.PASSED)
SKIPPED = TestCase("A.two", Outcome.SKIPPED, message="no cgroups")
KNOWN = TestCase("BinderLibTest.InheritRt", Outcome.FAILED, message="file.cpp:4")
FAILED = TestCase("A.three", Outcome.FAILED, message="file.cpp:3\nExpected: 1")
UNFINISHED = TestCase("A.four", Outcome.UNFINISHED)
DIED = "was killed by SIGSEGV before its report"


def test_each_program_is_a_claim_about_libbinder() -> None:
    # Loaded anew, for another test may have loaded it, and its claims were forgotten.
    id_of = importlib.reload(importlib.import_module("harness.aosp_tests.claims")).id_of
    assert [id_of(program) for program in chosen(())] == [
        "aosp.driver-interface",
        "aosp.lib",
        "aosp.safe-interface",
        "aosp.text-output",
        "aosp.stability",
        "aosp.ndk-unit",
        "aosp.throughput",
    ]
    for program in chosen(()):
        claim = CLAIMS.get(id_of(program))
        assert program in claim.statement
        assert claim.topic is Topic.LIBBINDER


@pytest.mark.parametrize(
    ("cases", "ending", "verdict", "measured"),
    [
        ([PASSED], "", Verdict.CONFIRMED, "1 passed, in 2.5 s; the program ran to its end"),
        (
            [PASSED, SKIPPED],
            "",
            Verdict.CONFIRMED,
            "1 passed, 1 skipped, in 2.5 s; the program ran to its end; A.two: no cgroups",
        ),
        (
            [PASSED, KNOWN],
            "",
            Verdict.CONFIRMED,
            "1 passed, 1 failed for a known reason, in 2.5 s; the program ran to its end; "
            f"BinderLibTest.InheritRt: {NOT_IN_LINUX}",
        ),
        (
            [KNOWN, FAILED],
            "",
            Verdict.REFUTED,
            "1 failed for a known reason, 1 failed, in 2.5 s; the program ran to its end; "
            f"A.three: file.cpp:3; Expected: 1, BinderLibTest.InheritRt: {NOT_IN_LINUX}",
        ),
        (
            [PASSED, UNFINISHED],
            DIED,
            Verdict.REFUTED,
            f"1 passed, 1 failed, in 2.5 s; the program {DIED}; A.four: {DIED}",
        ),
        ([], DIED, Verdict.REFUTED, f"no test ran, in 2.5 s; the program {DIED}"),
    ],
)
def test_a_program_passes_whose_failures_are_all_known(
    cases: list[TestCase], ending: str, verdict: Verdict, measured: str
) -> None:
    from harness.aosp_tests.claims import passes

    run = ProgramRun("aTest", tuple(cases), 2.46, ending)
    finding = passes(run, FACTS)
    assert finding.verdict is verdict
    figures = {name: str(figure) for name, figure in finding.figures.items()}
    assert finding.sentence.format(**figures) == measured
    assert from_json(ProgramRun, to_json(run)) == run
