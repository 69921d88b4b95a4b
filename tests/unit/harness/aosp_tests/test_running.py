"""Which programs are run, when one has passed, and JUnit's XML of them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from emulator.base.errors import UsageError
from emulator.build.generation import ANDROID_10
from harness.aosp_tests.googletest import Outcome, TestCase
from harness.aosp_tests.junit import render
from harness.aosp_tests.running import ProgramRun, chosen

PASSED = TestCase("A.one", Outcome.PASSED, 0.5)
FAILED = TestCase("A.two", Outcome.FAILED, 0.1, "file.cpp:3\nExpected \x1b[1m")
UNFINISHED = TestCase("A.three", Outcome.UNFINISHED)


def test_programs_are_chosen_by_the_beginnings_of_their_names() -> None:
    assert len(chosen(())) == 7
    assert chosen(["lib", "binderS"]) == [
        "binderSafeInterfaceTest",
        "binderStabilityTest",
        "libbinder_ndk_unit_test",
    ]
    assert "binderStabilityTest" not in chosen((), ANDROID_10)
    with pytest.raises(UsageError, match="Android 11 has no test 'binderX'"):
        chosen(["lib", "binderX"])
    with pytest.raises(UsageError, match="Android 10 has no test 'lib'"):
        chosen(["lib"], ANDROID_10)


@pytest.mark.parametrize(
    ("run", "passed"),
    [
        (ProgramRun("p", (PASSED,), 1.0), True),
        (ProgramRun("p", (PASSED, TestCase("A.b", Outcome.SKIPPED)), 1.0), True),
        (ProgramRun("p", (PASSED, FAILED), 1.0), False),
        (ProgramRun("p", (TestCase("BinderLibTest.InheritRt", Outcome.FAILED),), 1.0), True),
        (ProgramRun("p", (UNFINISHED,), 1.0), False),
        (ProgramRun("p", (PASSED,), 1.0, "was killed by SIGABRT"), False),
    ],
)
def test_a_program_has_passed_that_ran_to_its_end_without_a_failure(run: ProgramRun, passed: bool) -> None:
    assert run.passed is passed


def test_the_xml_has_a_suite_for_each_program_and_what_went_wrong() -> None:
    ended = ProgramRun("q", (UNFINISHED,), 2.0, "was killed by SIGSEGV before its report")
    known = TestCase("BinderLibTest.InheritRt", Outcome.FAILED, 0.1, "file.cpp:4")
    root = ElementTree.fromstring(render("embedded", [ProgramRun("p", (PASSED, FAILED, known), 1.0), ended]))
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
    }
    (skipped,) = root.iter("skipped")
    assert "as expected: binder_node.sched_policy" in (skipped.get("message") or "")
    (failure,) = root.iter("failure")
    assert failure.get("message") == "file.cpp:3"
    assert "\x1b" not in (failure.text or "")
    assert [error.get("message") for error in root.iter("error")] == [ended.ending] * 2
