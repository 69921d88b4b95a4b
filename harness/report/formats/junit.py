"""JUnit's XML, as CI systems read it: a suite for each device, a case for each claim, with its topic."""

from __future__ import annotations

from xml.etree import ElementTree

from harness.device.facts import Facts
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.result import Result
from harness.report.formats.report import Report, lost_claims
from harness.report.matrix import Column

PACKAGE = "binder_harness"
"""The start of every class name, as of a Java package."""
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""The counts of a suite, with the element that each counts."""


def render(report: Report) -> str:
    """The report as XML; what XML does not allow in a text is left to whoever writes it."""
    root = ElementTree.Element("testsuites", name="Binder harness")
    for column in report.columns:
        root.append(_suite(column))
    count(root)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def properties(target: str, facts: Facts | None, interrupted: str | None) -> dict[str, str]:
    """Target and facts, as the properties of a suite, each with the prefix `binder_`, once."""
    fields = to_json(facts) if facts else {}
    assert isinstance(fields, dict)
    values = {name: _plain(value) for name, value in fields.items() if value is not None}
    if interrupted is not None:
        values["interrupted"] = interrupted
    prefixed = {f"binder_{name.removeprefix('binder_')}": value for name, value in values.items()}
    return {"binder_target": target} | prefixed


def _plain(value: Json) -> str:
    """A fact as text: lists joined by commas, without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_plain, value))
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_plain(entry)}" for name, entry in value.items())
    return str(value)


def _suite(column: Column) -> ElementTree.Element:
    document = column.document
    suite = ElementTree.Element(
        "testsuite", name=column.target, timestamp=document.started, time=f"{document.seconds:.3f}"
    )
    _add_properties(suite, properties(column.target, document.device, document.interrupted))
    for failure in column.failures:
        case = _case(suite, "device", "device", 0.0)
        _outcome(case, "error", failure.exit_code.name.lower(), failure.message)
    for result in document.claims:
        _add_result(suite, result)
    for claim, reason in lost_claims(column):
        _outcome(_case(suite, "not_judged", claim, 0.0), "error", "not judged", reason)
    count(suite)
    return suite


def _add_result(suite: ElementTree.Element, result: Result) -> None:
    case = _case(suite, result.topic.value, result.id, result.seconds)
    texts = {
        "statement": result.statement,
        "verdict": result.verdict.value,
        "measured": result.measured,
        "what_is_true": result.what_is_true,
        "source": result.source,
    }
    _add_properties(case, {name: text for name, text in texts.items() if text})
    if result.verdict in (Verdict.ERROR, Verdict.LOST):
        _outcome(case, "error", result.verdict.value, result.explanation or result.reason, result.traceback)
    elif result.as_expected is False:
        _outcome(case, "failure", result.verdict.value, result.explanation)
    elif result.verdict is Verdict.NOT_TESTABLE:
        ElementTree.SubElement(case, "skipped", message=result.reason)


def _case(suite: ElementTree.Element, kind: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=f"{PACKAGE}.{kind}", name=name, time=f"{seconds:.3f}"
    )


def _outcome(case: ElementTree.Element, kind: str, type_: str, message: str, details: str = "") -> None:
    element = ElementTree.SubElement(case, kind, type=type_, message=message.partition("\n")[0])
    element.text = "\n".join(filter(None, (message, details)))


def _add_properties(element: ElementTree.Element, values: dict[str, str]) -> None:
    holder = ElementTree.SubElement(element, "properties")
    for name, value in values.items():
        ElementTree.SubElement(holder, "property", name=name, value=value)


def count(element: ElementTree.Element) -> None:
    """Set an element's counts of what is below it."""
    element.set("tests", str(len(list(element.iter("testcase")))))
    for name, tag in COUNTED.items():
        element.set(name, str(len(list(element.iter(tag)))))
