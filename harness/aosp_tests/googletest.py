"""What a program on GoogleTest reports: in JSON or, where it ended before it wrote that, in its output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from emulator.base.errors import HarnessError

LINE = re.compile(
    r"\[ +(?P<mark>RUN|OK|FAILED|SKIPPED) +\] (?P<name>[\w/]+\.[\w/]+)(?:.* \((?P<milliseconds>\d+) ms\))?"
)
"""A line about one test (googletest/src/gtest.cc, PrettyUnitTestResultPrinter).

What the program itself writes may precede it.
"""


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
    """Why it failed, as GoogleTest has it."""


def read_report(text: str) -> tuple[TestCase, ...]:
    """The tests in a JSON report (--gtest_output=json:FILE). Raises HarnessError where it is none."""
    try:
        suites = json.loads(text)["testsuites"]
        return tuple(_case(suite["name"], test) for suite in suites for test in suite["testsuite"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HarnessError(f"This is no report of GoogleTest's: {text[:60]!r}.") from error


def _case(suite: str, test: dict[str, object]) -> TestCase:
    failures = test.get("failures", [])
    if not isinstance(failures, list):
        raise TypeError("failures is a list")
    messages = [str(failure["failure"]).strip() for failure in failures]
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
            message = "\n".join(messages).strip() if outcome is Outcome.FAILED else ""
            found[name] = TestCase(name, outcome, int(match["milliseconds"] or 0) / 1000, message)
    return tuple(found.values())


def first_lines(message: str, most: int = 4) -> Iterator[str]:
    """The beginning of a message, for a terminal."""
    yield from [line.strip() for line in message.splitlines() if line.strip()][:most]
