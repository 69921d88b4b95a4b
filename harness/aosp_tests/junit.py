"""AOSP's tests as JUnit's XML: a suite for each program, a case for each test.

A failure that is expected is a case that was skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from emulator.base.printable import printable
from harness.aosp_tests.expected import EXPECTED_FAILURES
from harness.aosp_tests.googletest import Outcome
from harness.aosp_tests.running import ProgramRun
from harness.report.formats.junit import count

ELEMENTS = {Outcome.FAILED: "failure", Outcome.UNFINISHED: "error", Outcome.SKIPPED: "skipped"}


def render(target: str, runs: Sequence[ProgramRun]) -> str:
    """All programs that ran on one device."""
    root = ElementTree.Element("testsuites", name=f"AOSP's tests of libbinder on {target}")
    for run in runs:
        suite = ElementTree.SubElement(root, "testsuite", name=run.name, time=f"{run.seconds:.3f}")
        for case in run.cases:
            group, _, name = case.name.rpartition(".")
            place = {"classname": f"{run.name}.{group}", "name": name, "time": f"{case.seconds:.3f}"}
            element = ElementTree.SubElement(suite, "testcase", place)
            expected = EXPECTED_FAILURES.get(case.name, "")
            kind = ELEMENTS.get(case.outcome)
            if kind is not None:
                message = case.message.partition("\n")[0] or run.ending
                if expected and case.outcome is Outcome.FAILED:
                    kind, message = "skipped", f"failed, as expected: {expected}"
                outcome = ElementTree.SubElement(element, kind, message=printable(message))
                outcome.text = printable(case.message)
        if run.ending:
            place = {"classname": run.name, "name": "its end", "time": "0"}
            ElementTree.SubElement(
                ElementTree.SubElement(suite, "testcase", place), "error", message=run.ending
            )
        count(suite)
    count(root)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
