"""Puts what several devices said of the same claims side by side, and tells what of it differs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from harness.device.facts import Facts
from harness.experiments.core.claim import shown
from harness.experiments.core.json_values import Json, to_json
from harness.experiments.core.judge import Result
from harness.report.document import Document
from harness.report.sentences import clauses

NOT_COMPARED = frozenset({"reasons", "memory_bytes"})
"""What only explains other facts, and what each kernel leaves of the memory that the device was given."""


def said(result: Result) -> str:
    """What a device said of a claim, in one line: the figures measured, or why there are none."""
    return result.measured or result.reason.partition("\n")[0]


def alike(results: Iterable[Result]) -> bool:
    """Whether verdict, comparison with what is known, and figures are the same.

    Why a device cannot tell, or was lost, is no difference where none can.
    """
    return len({(result.verdict, result.as_known, clauses(result.measured)) for result in results}) <= 1


@dataclass(frozen=True, slots=True)
class Row:
    """One claim on each device."""

    id: str
    section: str
    statement: str
    results: tuple[Result | None, ...]
    """None where the claim was not judged."""

    @property
    def judged(self) -> tuple[Result, ...]:
        """The results that there are."""
        return tuple(result for result in self.results if result is not None)

    @property
    def differs(self) -> bool:
        """Whether the devices on which the claim was judged do not agree."""
        return not alike(self.judged)

    @property
    def deviates(self) -> bool:
        """Whether some device is not as known."""
        return any(result.as_known is False for result in self.judged)


def rows_of(documents: Sequence[Document]) -> list[Row]:
    """A row for each claim that any of the documents has, in their order."""
    by_claim = [{result.id: result for result in document.claims} for document in documents]
    order = _merged([list(results) for results in by_claim])
    return [_row([results.get(claim) for results in by_claim]) for claim in order]


def _row(results: list[Result | None]) -> Row:
    judged = next(result for result in results if result is not None)
    return Row(judged.id, judged.section, judged.statement, tuple(results))


def _merged(orders: list[list[str]]) -> list[str]:
    """One order of what several lists hold: what only a later list has comes after what precedes it there."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for entry in order:
            if entry not in merged:
                merged.insert(place, entry)
            place = merged.index(entry) + 1
    return merged


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact, as each device has it, in words."""

    name: str
    texts: tuple[str, ...]
    """Empty where there is no device."""


def differing_facts(devices: Sequence[Facts | None]) -> list[FactRow]:
    """The facts in which the devices that there are differ."""
    rows = []
    for field in fields(Facts):
        values = [to_json(getattr(facts, field.name)) for facts in devices if facts is not None]
        if field.name not in NOT_COMPARED and any(value != values[0] for value in values):
            texts = iter(_in_words(values))
            of_each = tuple("" if facts is None else next(texts) for facts in devices)
            rows.append(FactRow(field.name.replace("_", " "), of_each))
    return rows


def _in_words(values: Sequence[Json]) -> list[str]:
    """Values of one fact; of lists, what each lacks."""
    everything = list(dict.fromkeys(entry for value in values if isinstance(value, list) for entry in value))
    return [_lacking(value, everything) if isinstance(value, list) else _scalar(value) for value in values]


def _lacking(value: list[Json], everything: list[Json]) -> str:
    lacking = [str(entry) for entry in everything if entry not in value]
    return f"{len(value)}, without {', '.join(lacking)}" if lacking else f"{len(value)}"


def _scalar(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    return shown(value)
