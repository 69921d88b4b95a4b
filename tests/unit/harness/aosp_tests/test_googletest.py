"""GoogleTest's JSON and output: what is read of them, of any, and of what is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import HarnessError
from harness.aosp_tests.googletest import (
    Outcome,
    TestCase,
    first_lines,
    read_output,
    read_report,
    with_reasons,
)

NAMES = st.from_regex(r"[A-Za-z]\w{0,8}\.[A-Za-z]\w{0,8}", fullmatch=True)
MESSAGES = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=40).filter(
    lambda text: text.strip() and not text.startswith("/")
)
FINISHED = st.sampled_from([Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED])
MARKS = {Outcome.PASSED: "      OK", Outcome.FAILED: " FAILED ", Outcome.SKIPPED: " SKIPPED"}


@st.composite
def cases(draw: st.DrawFn) -> list[TestCase]:
    found = []
    for name in draw(st.lists(NAMES, unique=True, max_size=6)):
        outcome = draw(FINISHED)
        message = draw(MESSAGES) if outcome is Outcome.FAILED else ""
        found.append(TestCase(name, outcome, draw(st.integers(0, 9999)) / 1000, message.strip()))
    return found


def as_report(tests: list[TestCase]) -> str:
    """As googletest/src/gtest.cc, JsonUnitTestResultPrinter writes it (1.12)."""
    suites: dict[str, list[object]] = {}
    for case in tests:
        suite, _, name = case.name.partition(".")
        test: dict[str, object] = {"name": name, "status": "RUN", "time": f"{case.seconds}s"}
        test["result"] = "SKIPPED" if case.outcome is Outcome.SKIPPED else "COMPLETED"
        if case.outcome is Outcome.FAILED:
            test["failures"] = [{"failure": case.message, "type": ""}]
        suites.setdefault(suite, []).append(test)
    return json.dumps({"testsuites": [{"name": name, "testsuite": own} for name, own in suites.items()]})


def as_output(tests: list[TestCase]) -> str:
    """As PrettyUnitTestResultPrinter writes it."""
    lines = ["[==========] Running tests."]
    for case in tests:
        lines.append(f"[ RUN      ] {case.name}")
        lines += case.message.splitlines()
        lines.append(f"[ {MARKS[case.outcome]} ] {case.name} ({case.seconds * 1000:.0f} ms)")
    return "\n".join(lines)


@given(cases())
def test_a_report_is_read_whole(tests: list[TestCase]) -> None:
    assert sorted(read_report(as_report(tests)), key=str) == sorted(tests, key=str)


@given(cases())
def test_an_output_shows_the_same(tests: list[TestCase]) -> None:
    assert list(read_output(as_output(tests))) == tests


@given(cases(), NAMES)
def test_the_test_that_a_program_ended_in_is_unfinished(tests: list[TestCase], last: str) -> None:
    before = [case for case in tests if case.name != last]
    output = f"{as_output(before)}\n[ RUN      ] {last}\nSegmentation fault"
    assert read_output(output) == (*before, TestCase(last, Outcome.UNFINISHED))


def test_a_disabled_test_is_skipped_and_what_a_program_writes_may_stand_before_a_line() -> None:
    disabled = '{"testsuites": [{"name": "A", "testsuite": [{"name": "B", "status": "NOTRUN"}]}]}'
    assert read_report(disabled) == (TestCase("A.B", Outcome.SKIPPED),)
    output = "[ RUN      ] A.B\nnot at the end of a line[       OK ] A.B (12 ms)\n[  FAILED  ] C.D\n"
    assert read_output(output) == (TestCase("A.B", Outcome.PASSED, 0.012),)


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers(), st.lists).map(json.dumps)))
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="no report of GoogleTest"):
        read_report(text)


def test_what_is_nested_without_end_and_what_took_no_time_that_there_is() -> None:
    with pytest.raises(HarnessError, match="no report of GoogleTest"):
        read_report("[" * 10_000)
    output = f"[ RUN      ] A.B\n[       OK ] A.B ({'7' * 5000} ms)"
    assert read_output(output) == (TestCase("A.B", Outcome.PASSED),)


@given(st.text())
def test_any_output_can_be_read(text: str) -> None:
    assert all(case.outcome in Outcome for case in read_output(text))


def test_the_first_lines_of_a_message_are_shown() -> None:
    assert list(first_lines("file.cpp:3\n\n  Expected: a\n  b\n  c\n  d")) == [
        "file.cpp:3",
        "Expected: a",
        "b",
        "c",
    ]


def test_why_a_test_was_skipped_is_in_the_output_alone() -> None:
    output = (
        "[ RUN      ] A.B\nsomething else\n/build/file.cpp:3: Skipped\nThere are no cgroups.\n\n"
        "[  SKIPPED ] A.B (12 ms)\n[ RUN      ] A.C\n[       OK ] A.C (1 ms)\n"
        "[ RUN      ] A.D\n/build/file.cpp:5: Skipped\n\n[  SKIPPED ] A.D (0 ms)\n"
    )
    cases = (
        TestCase("A.B", Outcome.SKIPPED, 0.1),
        TestCase("A.C", Outcome.PASSED, 0.2),
        TestCase("A.D", Outcome.SKIPPED),
    )
    assert with_reasons(cases, output) == (
        TestCase("A.B", Outcome.SKIPPED, 0.1, "There are no cgroups."),
        TestCase("A.C", Outcome.PASSED, 0.2),
        TestCase("A.D", Outcome.SKIPPED, message="by file.cpp:5"),
    )
    assert with_reasons(cases, "") == cases


def test_where_a_test_was_built_is_left_out() -> None:
    message = "/a/.build-1/b/file.cpp:3\nExpected: /a/b"
    report = as_report([TestCase("A.B", Outcome.FAILED, message=message)])
    assert read_report(report)[0].message == "file.cpp:3\nExpected: /a/b"
    output = f"[ RUN      ] A.B\n{message}\n[  FAILED  ] A.B (1 ms)"
    assert read_output(output)[0].message == "file.cpp:3\nExpected: /a/b"
