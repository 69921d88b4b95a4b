"""Compares the results of several devices, and finds where verdicts, figures and facts differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import compress, groupby
from typing import TypeVar

from harness.device.facts import Facts
from harness.experiments.core.claim import Topic
from harness.experiments.core.figure import ELLIPSIS, Figure, fill, grouped, names_in
from harness.experiments.core.finding import Verdict
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.result import Result
from harness.report.document import Document

Value = TypeVar("Value")
NOT_COMPARED = frozenset({"reasons", "not_recorded", "memory_bytes"})
"""Facts that only explain others, and the memory size, which differs with each kernel's own share."""
NOT_RECORDED = "not recorded"
"""The text of a fact that is newer than the release that wrote the document."""


def account(result: Result) -> str:
    """A result in one line: the finding with its figures, or the reason for none."""
    if result.verdict is Verdict.NOT_TESTABLE:
        return " ".join(result.reason.split())
    return result.measured or result.reason.partition("\n")[0]


def differing_figures(results: Sequence[Result]) -> tuple[str, ...]:
    """The names of the figures in which results differ.

    Figures that vary from run to run, and figures that a device could not measure, are not compared.
    """
    names = dict.fromkeys(name for result in results for name in result.figures)
    return tuple(name for name in names if _differs([result.figures.get(name) for result in results]))


def _differs(figures: Iterable[Figure | None]) -> bool:
    measured = [figure for figure in figures if figure is not None and figure.value is not None]
    if any(figure.varies for figure in measured):
        return False
    return any(figure.value != measured[0].value for figure in measured[1:])


@dataclass(frozen=True)
class ClaimRow:
    """One claim on each device."""

    id: str
    topic: Topic
    statement: str
    results: tuple[Result | None, ...]
    """None where the claim was not judged."""

    @cached_property
    def judged(self) -> tuple[Result, ...]:
        """The results of the devices on which the claim was judged."""
        return tuple(result for result in self.results if result is not None)

    @cached_property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures that differ."""
        return differing_figures(self.judged)

    @cached_property
    def verdicts_differ(self) -> bool:
        """Whether the verdicts differ, or some are as expected and others are not."""
        return len({(result.verdict, result.as_expected) for result in self.judged}) > 1

    @property
    def differs(self) -> bool:
        """Whether the verdicts or the figures differ."""
        return self.verdicts_differ or bool(self.figures)

    @property
    def unexpected(self) -> bool:
        """Whether the result on some device is unexpected."""
        return any(result.as_expected is False for result in self.judged)

    @cached_property
    def accounts(self) -> list[tuple[str, list[int]]]:
        """The distinct results, in one line each, with the numbers of the devices that have them.

        Figures that vary or differ are left out, so that devices which differ only in them share a line.
        """
        return alike(result if result is None else _lasting(result, self.figures) for result in self.results)


def alike(values: Iterable[Value | None]) -> list[tuple[Value, list[int]]]:
    """Each distinct value, and the numbers, from 1, of the devices that have it; None is no value."""
    found: list[tuple[Value, list[int]]] = []
    for number, value in enumerate(values, 1):
        if value is None:
            continue
        same = next((numbers for other, numbers in found if other == value), None)
        if same is None:
            found.append((value, [number]))
        else:
            same.append(number)
    return found


def numbered(numbers: Iterable[int]) -> str:
    """Ascending numbers of devices, in short: `1-3, 5`."""
    runs = groupby(enumerate(numbers), key=lambda entry: entry[1] - entry[0])
    return ", ".join(_run([number for _, number in run]) for _, run in runs)


def _run(numbers: Sequence[int]) -> str:
    return f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 2 else ", ".join(map(str, numbers))


def _lasting(result: Result, differing: Iterable[str]) -> str:
    """A result in one line without the figures that vary or differ."""
    if not result.sentence:
        return account(result)
    texts: Mapping[str, str] = {
        name: ELLIPSIS if figure.varies or name in differing else str(figure)
        for name, figure in result.figures.items()
        if name in names_in(result.sentence)
    }
    return fill(result.sentence, texts)


def claim_rows(documents: Sequence[Document]) -> list[ClaimRow]:
    """A row for each claim that any of the documents has, in their order."""
    by_claim = [{result.id: result for result in document.claims} for document in documents]
    order = _merged([list(results) for results in by_claim])
    return [_row([results.get(claim) for results in by_claim]) for claim in order]


def _row(results: list[Result | None]) -> ClaimRow:
    judged = next(result for result in results if result is not None)
    return ClaimRow(judged.id, judged.topic, judged.statement, tuple(results))


def _merged(orders: list[list[str]]) -> list[str]:
    """One order of the entries of several lists: each follows the entry that precedes it in its own list."""
    merged: list[str] = []
    for order in orders:
        index = 0
        for entry in order:
            if entry not in merged:
                merged.insert(index, entry)
            index = merged.index(entry) + 1
    return merged


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact of each device, as text."""

    name: str
    texts: tuple[str, ...]
    """Empty for a device that could not be opened."""


def differing_facts(devices: Sequence[Facts | None]) -> list[FactRow]:
    """The facts in which devices differ; None is a device that could not be opened.

    A fact that is not recorded of a device is compared among the others.
    """
    rows = []
    for field in fields(Facts):
        recorded = [facts is not None and field.name not in facts.not_recorded for facts in devices]
        values = [to_json(getattr(facts, field.name)) for facts in compress(devices, recorded)]
        if field.name not in NOT_COMPARED and any(value != values[0] for value in values):
            texts = iter(_texts(values))
            row = tuple(
                next(texts) if known else "" if facts is None else NOT_RECORDED
                for facts, known in zip(devices, recorded, strict=True)
            )
            rows.append(FactRow(field.name.replace("_", " "), row))
    return rows


def _texts(values: Sequence[Json]) -> list[str]:
    """Values of one fact as text; for lists, the entries that each lacks."""
    everything = list(dict.fromkeys(entry for value in values if isinstance(value, list) for entry in value))
    return [_lacking(value, everything) if isinstance(value, list) else _scalar(value) for value in values]


def _lacking(value: list[Json], everything: list[Json]) -> str:
    lacking = [str(entry) for entry in everything if entry not in value]
    return f"{len(value)}, without {', '.join(lacking)}" if lacking else f"{len(value)}"


def _scalar(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    return grouped(value)
