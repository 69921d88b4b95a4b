"""An inspection as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from itertools import groupby

from harness.inspect.inspection import Inspection
from harness.inspect.kinds import Answer
from harness.inspect.values import described
from harness.kernel.concise import counted

_MOST_ANSWERS = 10
_MOST_DETAILS = 8
_MOST_PLACES = 6


def text_of(inspection: Inspection, *, every: bool = False) -> Iterator[str]:
    """What it is, what it answers, and what was not understood; `every` leaves no answer out."""
    yield from _what(inspection)
    several = len({section.place.file for section in inspection.sections}) > 1
    for warning in inspection.warnings:
        yield f"CAUTION: {warning.removesuffix('.')}."
    for question, group in groupby(inspection.answers, key=lambda answer: answer.question):
        answers = list(group)
        yield ""
        yield question.value
        for answer in answers if every else answers[:_MOST_ANSWERS]:
            yield from _answer(answer, every=every, with_file=several)
        if not every and len(answers) > _MOST_ANSWERS:
            yield f"  … and {len(answers) - _MOST_ANSWERS} more: --all shows them"
    if inspection.sections and not inspection.answers:
        yield ""
        yield "Nothing in it waits, fails, fills up or grows."


def unknown_of(inspection: Inspection) -> Iterator[str]:
    """The lines that were not understood, each with its place."""
    for place, line in inspection.unknown:
        yield f"{place}: {line}"
    more = inspection.unknown_count - len(inspection.unknown)
    if more:
        yield f"… and {more:,} more"


def json_of(inspection: Inspection) -> str:
    """The sections, answers and warnings as JSON."""
    document = {
        "sections": [
            {
                "kind": section.kind.value,
                "file": section.place.file,
                "lines": [section.place.line, section.last_line],
                "summary": described(section.kind, section.value),
            }
            for section in inspection.sections
        ],
        "answers": [
            {
                "question": answer.question.value,
                "sentence": answer.sentence,
                "details": answer.details,
                "places": [str(place) for place in answer.places],
                "value": asdict(answer.value)
                if is_dataclass(answer.value) and not isinstance(answer.value, type)
                else answer.value,
            }
            for answer in inspection.answers
        ],
        "warnings": inspection.warnings,
        "not_understood": inspection.unknown_count,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def _what(inspection: Inspection) -> Iterator[str]:
    if inspection.reports:
        reports = "a bug report" if inspection.reports == 1 else f"{inspection.reports} bug reports"
        yield f"{reports} of {inspection.lines:,} lines; about Binder in it:"
    for section in inspection.sections:
        lines = (
            f"line {section.place.line}"
            if section.last_line <= section.place.line
            else f"lines {section.place.line:,} to {section.last_line:,}"
        )
        yield f"{section.place.file}, {lines}: {section.kind.value}: {described(section.kind, section.value)}"
    if not inspection.lines:
        yield (
            "There is no text in it: it is empty. Where a command wrote it, the command showed the reason as "
            "an error; Binder's debug files need root."
        )
    elif not inspection.sections:
        yield f"Nothing about Binder was found in {counted(inspection.lines, 'line')}."
    if inspection.unknown_count:
        yield f"{counted(inspection.unknown_count, 'line')} not understood: --unknown shows which."


def _answer(answer: Answer, *, every: bool, with_file: bool) -> Iterator[str]:
    yield f"  {answer.sentence}"
    details = answer.details if every else answer.details[:_MOST_DETAILS]
    for detail in details:
        yield f"      {detail}"
    if len(details) < len(answer.details):
        yield f"      … and {len(answer.details) - len(details)} more"
    places = answer.places if every else answer.places[:_MOST_PLACES]
    if places:
        named = ", ".join(str(place if with_file else place.line) for place in places)
        more = f" and {len(answer.places) - len(places)} more" if len(places) < len(answer.places) else ""
        yield f"      shown by line{'s' if len(answer.places) > 1 else ''} {named}{more}"
