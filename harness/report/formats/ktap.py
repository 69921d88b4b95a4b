"""KTAP, the kernel's form of the Test Anything Protocol, as KernelCI and LKFT read it.

Linux: Documentation/dev-tools/ktap.rst, version 1. The claims are nested in their topics, and those of a
matrix in its devices. A test stands below the diagnostics that are about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.report.formats.report import Report, lost_claims
from harness.report.matrix import Column, Matrix

VERSION = "KTAP version 1"


@dataclass(frozen=True, slots=True)
class _Test:
    """A test with its diagnostics, or a group of tests."""

    name: str
    passed: bool = True
    skipped: str = ""
    """Why it was skipped; empty where it ran."""
    diagnostics: Sequence[str] = ()
    tests: Sequence[_Test] = ()


def render(report: Report) -> str:
    """The report as KTAP."""
    if isinstance(report.content, Matrix):
        tests = [_group(column.target, _topics(column)) for column in report.columns]
    else:
        (column,) = report.columns
        tests = _topics(column)
    return "\n".join(_lines(tests)) + "\n"


def _topics(column: Column) -> list[_Test]:
    groups = [
        _group(topic.value, [_claim(result) for result in results])
        for topic, results in groupby(column.document.claims, key=lambda result: result.topic)
    ]
    lost = [
        _Test(claim, passed=False, diagnostics=reason.splitlines()) for claim, reason in lost_claims(column)
    ]
    devices = [
        _Test(f"device{number}", passed=False, diagnostics=failure.message.splitlines())
        for number, failure in enumerate(column.failures, start=1)
    ]
    return [
        *([_group("device", devices)] if devices else []),
        *groups,
        *([_group("not_judged", lost)] if lost else []),
    ]


def _group(name: str, tests: Sequence[_Test]) -> _Test:
    skipped = bool(tests) and all(test.skipped for test in tests)
    return _Test(
        name,
        passed=all(test.passed for test in tests),
        skipped="nothing testable here" if skipped else "",
        tests=tests,
    )


def _claim(result: Result) -> _Test:
    lines = [result.statement, f"{result.verdict}: {result.measured}" if result.measured else ""]
    if result.as_expected is False:
        lines.append(result.explanation)
    return _Test(
        result.id,
        passed=result.as_expected is not False,
        skipped=" ".join(result.reason.split()) if result.verdict is Verdict.NOT_TESTABLE else "",
        diagnostics=[line for text in lines for line in text.splitlines()],
    )


def _lines(tests: Sequence[_Test], group: str = "") -> Iterator[str]:
    """The version, the name of the group, the plan, and each test with what is nested in it."""
    yield VERSION
    if group:
        yield f"# Subtest: {_name(group)}"
    yield f"1..{len(tests)}"
    for number, test in enumerate(tests, start=1):
        if test.tests:
            yield from (f"    {line}" for line in _lines(test.tests, test.name))
        for line in test.diagnostics:
            yield f"# {line}"
        skip = f" # SKIP {test.skipped}" if test.skipped else ""
        yield f"{'ok' if test.passed else 'not ok'} {number} {_name(test.name)}{skip}"


def _name(text: str) -> str:
    """A name in one line; a number sign would begin a directive."""
    return " ".join(text.replace("#", "_").split())
