"""What a program on GoogleTest reports: in JSON or, where it ended before it wrote that, in its output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from emulator.base.errors import HarnessError

LINE = re.compile(
    r"\[ +(?P<mark>RUN|OK|FAILED|SKIPPED) +\] (?P<name>[\w/]+\.[\w/]+)"
    r"(?:.* \((?P<milliseconds>\d{1,9}) ms\))?"
)
"""A line about one test (googletest/src/gtest.cc, PrettyUnitTestResultPrinter).

What the program itself writes may precede it.
"""
SKIPPED = re.compile(r"(?P<place>\S+:\d+): Skipped\n*(?P<reason>.*)", re.DOTALL)
"""What GTEST_SKIP has printed (the same, PrintTestPartResultToString)."""
DIRECTORY = re.compile(r"^/\S*/(?=[^/\s]+:\d+\b)", re.MULTILINE)
"""Of a source file, before the place in it: where it was built, which no other build has."""


class Outcome(StrEnum):
    """What came of one test."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNFINISHED = "unfinished"
    """It had begun when its program ended."""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test of a program."""

    __test__ = False  # pytest collects classes that are named so

    name: str
    """SUITE.TEST"""
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""
    """Why it failed or was skipped, as GoogleTest has it."""


def read_report(text: str) -> tuple[TestCase, ...]:
    """The tests in a JSON report (--gtest_output=json:FILE). Raises HarnessError where it is none."""
    try:
        suites = json.loads(text)["testsuites"]
        return tuple(_case(suite["name"], test) for suite in suites for test in suite["testsuite"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HarnessError(f"This is no report of GoogleTest's: {text[:60]!r}.") from error


def _case(suite: str, test: dict[str, object]) -> TestCase:
    failures = test.get("failures", [])
    if not isinstance(failures, list):
        raise TypeError("failures is a list")
    messages = [DIRECTORY.sub("", str(failure["failure"])).strip() for failure in failures]
    outcome = Outcome.FAILED if messages else Outcome.PASSED
    if not messages and (test.get("result") == "SKIPPED" or test["status"] == "NOTRUN"):
        outcome = Outcome.SKIPPED
    seconds = float(str(test.get("time", "0s")).removesuffix("s"))
    return TestCase(f"{suite}.{test['name']}", outcome, seconds, "\n".join(messages))


def read_output(text: str) -> tuple[TestCase, ...]:
    """The tests that an output shows to have begun, with how they ended; the last one may not have."""
    found: dict[str, TestCase] = {}
    messages: list[str] = []
    for line in text.splitlines():
        match = LINE.search(line)
        if match is None:
            messages.append(line)
            continue
        name, mark = match["name"], match["mark"]
        if mark == "RUN":
            messages = []
            found[name] = TestCase(name, Outcome.UNFINISHED)
        elif name in found and found[name].outcome is Outcome.UNFINISHED:
            outcome = {"OK": Outcome.PASSED, "FAILED": Outcome.FAILED, "SKIPPED": Outcome.SKIPPED}[mark]
            message = "" if outcome is Outcome.PASSED else DIRECTORY.sub("", "\n".join(messages)).strip()
            if skipped := SKIPPED.search(message) if outcome is Outcome.SKIPPED else None:
                message = skipped["reason"] or f"by {skipped['place']}"
            found[name] = TestCase(name, outcome, int(match["milliseconds"] or 0) / 1000, message)
    return tuple(found.values())


def with_reasons(cases: tuple[TestCase, ...], output: str) -> tuple[TestCase, ...]:
    """The tests of a report, with why some were skipped, which reports of GoogleTest 1.12 leave out."""
    reasons = {case.name: case.message for case in read_output(output) if case.outcome is Outcome.SKIPPED}
    return tuple(
        replace(case, message=reasons.get(case.name, "")) if case.outcome is Outcome.SKIPPED else case
        for case in cases
    )


def first_lines(message: str, most: int = 4) -> Iterator[str]:
    """The beginning of a message, for a terminal."""
    yield from [line.strip() for line in message.splitlines() if line.strip()][:most]
