"""A reader of KTAP that accepts what Linux's own does, and nothing that it complains of.

Linux 6.12, tools/testing/kunit/kunit_parser.py: the forms of the version, the header of a subtest, the plan
and a result; numbers count from one, a group's result has the name of its header, and there are as many as
planned.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

INDENT = "    "
RESULT = re.compile(r"(ok|not ok) ([0-9]+) (?:- )?([^#]*?)(?: # (.*))?")


@dataclass
class Test:
    """A result, with what is nested in it."""

    name: str
    status: str
    """`ok`, `not ok` or `skip`."""
    tests: list[Test] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """How many tests that hold no others have each status."""
        if not self.tests:
            return Counter([self.status])
        return sum((test.counts() for test in self.tests), Counter())


def parse(text: str) -> Test:
    """The tests of a whole file; AssertionError for what the kernel's parser complains of."""
    lines = text.splitlines()
    tests = _tests(lines, "", "")
    assert not lines, f"after the last test: {lines[0]}"
    return Test("", "ok", tests)


def _tests(lines: list[str], indent: str, name: str) -> list[Test]:
    assert lines.pop(0) == f"{indent}KTAP version 1"
    if name:
        assert lines.pop(0) == f"{indent}# Subtest: {name}"
    plan = re.fullmatch(f"{indent}1\\.\\.([0-9]+)", lines.pop(0))
    assert plan is not None
    return [_test(lines, indent, number) for number in range(1, int(plan[1]) + 1)]


def _test(lines: list[str], indent: str, number: int) -> Test:
    nested: list[Test] = []
    while True:
        line = lines[0]
        assert line.startswith(indent)
        if line == f"{indent}{INDENT}KTAP version 1":
            header = re.fullmatch(f"{indent}{INDENT}# Subtest: (.+)", lines[1])
            assert header is not None
            nested, name = _tests(lines, indent + INDENT, header[1]), header[1]
            continue
        lines.pop(0)
        found = RESULT.fullmatch(line.removeprefix(indent))
        if found is None:
            assert line.removeprefix(indent).startswith("# "), line
            continue
        outcome, place, title, directive = found.groups()
        assert int(place) == number
        assert not nested or title == name
        skipped = (directive or "").startswith("SKIP")
        return Test(title, "skip" if skipped else outcome, nested)
