"""The page of a matrix: a heat map of claims and devices, and the figures in which the devices differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from harness.experiments.core.figure import label
from harness.kernel.concise import counted
from harness.report.comparison import ClaimRow, claim_rows, differing_facts
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
    """A picture of one value on each device, and the figures that have it."""

    picture: Picture
    figures: list[tuple[str, str]] = field(default_factory=list)
    """The claim's id, and the figure in words."""


def matrix_page(matrix: Matrix) -> Page:
    """The page of several devices."""
    documents = matrix.documents
    rows = claim_rows(documents)
    names = short_names(documents)
    numbered = [f"{place}: {' · '.join(name)}" for place, name in enumerate(names, 1)]
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
            "multiples": multiples(rows, numbered),
            "total": len(rows),
            "reproductions": reproductions({row.id: _target(matrix, row) for row in rows}),
        },
    )


def _target(matrix: Matrix, row: ClaimRow) -> str:
    """The first device on which a claim was judged."""
    return next(c.target for c, result in zip(matrix.columns, row.results, strict=True) if result is not None)


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
                bars_drawn = [
                    Bar(device, [Part(value, "first")])
                    for device, value in zip(devices, values, strict=True)
                    if value is not None
                ]
                multiple = found[(unit, values)] = Multiple(bars(f"{label(name)}, {unit}", bars_drawn, unit))
            multiple.figures.append((row.id, label(name)))
    return list(found.values())


def _quantity(row: ClaimRow, place: int, name: str) -> float | None:
    """A figure on a device, if it is a number there."""
    result = row.results[place]
    if result is None:
        return None
    try:
        return number(result.figures, name)
    except ValueError:
        return None
