"""The page of a matrix: a heat map of claims and devices, and the figures in which the devices differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from harness.experiments.core.figure import label
from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.kernel.concise import counted
from harness.report.comparison import ClaimRow, alike, claim_rows, differing_facts, numbered
from harness.report.labels import short_names
from harness.report.matrix import Matrix
from harness.report.page.page import Page, Section
from harness.report.page.reproduction import reproductions
from harness.report.pictures.bars import Bar, Part, bars
from harness.report.pictures.canvas import Picture
from harness.report.pictures.values import number
from harness.report.summary import conclusion, summary


@dataclass(slots=True)
class Multiple:
    """A picture of a quantity's values, and of the devices with each; and the figures that have them."""

    picture: Picture
    figures: list[tuple[str, str]] = field(default_factory=list)
    """The claim's id, and the figure in words."""


def matrix_page(matrix: Matrix) -> Page:
    """The page of several devices."""
    documents = matrix.documents
    rows = claim_rows(documents)
    names = short_names(documents)
    topics = [(topic, tuple(found)) for topic, found in groupby(rows, key=lambda row: row.topic)]
    sections = tuple(Section(topic, _differing(members), members) for topic, members in topics)
    return Page(
        "matrix.html",
        sections,
        {
            "matrix": matrix,
            "devices": counted(len(documents), "device"),
            "names": names,
            "summaries": [summary(each).plain for each in documents],
            "conclusion": conclusion(matrix).plain,
            "facts": differing_facts([each.device for each in documents]),
            "multiples": multiples(rows, [" · ".join(name) for name in names]),
            "total": len(rows),
            "reproductions": reproductions({row.id: _target(matrix, row) for row in rows}),
        },
    )


def _target(matrix: Matrix, row: ClaimRow) -> str:
    """The device on which to look at a claim: where it is unexpected, or else where it is testable."""
    columns = zip(row.results, matrix.columns, strict=True)
    judged = [(result, column.target) for result, column in columns if result is not None]
    _, target = min(judged, key=lambda entry: _tameness(entry[0]))
    return target


def _tameness(result: Result) -> tuple[bool, bool]:
    """How little there is to see."""
    return result.as_expected is not False, result.verdict is Verdict.NOT_TESTABLE


def _differing(rows: Sequence[ClaimRow]) -> str:
    differing = sum(row.differs for row in rows)
    return f"{differing} of {len(rows)} differ" if differing else f"{len(rows)} alike"


def multiples(rows: Sequence[ClaimRow], devices: Sequence[str]) -> list[Multiple]:
    """A picture for each set of values that a quantity has on the devices; those that are alike share one."""
    found: dict[tuple[str, tuple[float | None, ...]], Multiple] = {}
    for row in rows:
        for name in row.figures:
            unit = next((r.figures[name].unit for r in row.judged if name in r.figures), "")
            values = tuple(_quantity(row, place, name) for place in range(len(devices)))
            if not unit or all(value is None for value in values):
                continue
            multiple = found.get((unit, values))
            if multiple is None:
                rows_drawn = [
                    Bar(_named(numbers, devices), [Part(value, "first")]) for value, numbers in alike(values)
                ]
                multiple = found[(unit, values)] = Multiple(bars(f"{label(name)}, {unit}", rows_drawn, unit))
            multiple.figures.append((row.id, label(name)))
    return list(found.values())


def _named(numbers: Sequence[int], devices: Sequence[str]) -> str:
    """Devices by their numbers; one of them with its name, too."""
    return numbered(numbers) if len(numbers) > 1 else f"{numbers[0]}: {devices[numbers[0] - 1]}"


def _quantity(row: ClaimRow, place: int, name: str) -> float | None:
    """A figure on a device, if it is a number there."""
    result = row.results[place]
    if result is None:
        return None
    try:
        return number(result.figures, name)
    except ValueError:
        return None
