"""A page before it is text: its template, its sections by topic, and what else the template names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from harness.experiments.core.claim import Topic
from harness.experiments.core.figure import Figure
from harness.experiments.core.finding import Verdict
from harness.experiments.core.result import Result
from harness.report.comparison import ClaimRow, Value, alike
from harness.report.pictures.canvas import Picture

NO_DOCUMENT = "none"
"""Stands for the documents of a claim that none states."""


@dataclass(frozen=True, slots=True)
class Section:
    """The claims of a topic on each device."""

    topic: Topic
    counts: str
    rows: tuple[ClaimRow, ...]
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What is rendered."""

    template: str
    sections: tuple[Section, ...]
    others: Mapping[str, object]

    def variables(self) -> dict[str, object]:
        """Everything that the template names, beside what all pages have."""
        return {"sections": self.sections, **self.others}

    def hidden_by(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """What the filter goes by: an attribute of each claim, the start of its boxes' ids, its values."""
        for section in self.sections:
            for row in section.rows:
                yield "data-verdicts", "show-", verdicts_of(row)
                yield "data-documents", "show-document-", letters_of(row.judged[0])


def verdicts_of(row: ClaimRow) -> tuple[str, ...]:
    """The verdicts of a claim on all devices, each once, as classes."""
    return tuple(dict.fromkeys(result.verdict.name.lower() for result in row.judged))


def letters_of(result: Result) -> tuple[str, ...]:
    """The documents that state a claim, by letter, as far as a letter can stand in an attribute."""
    letters = (letter for letter in result.documents if letter.isascii() and letter.isalnum())
    return tuple(dict.fromkeys(letters)) or (NO_DOCUMENT,)


def readings_of(row: ClaimRow, names: Iterable[str]) -> dict[str, list[tuple[Figure, list[int]]]]:
    """The figures of these names: what each was, where it was read, and on which devices that is so."""
    figures = [{} if result is None else result.figures for result in row.results]
    return {name: alike(entries.get(name) for entries in figures) for name in names}


def other_figures_of(row: ClaimRow) -> tuple[str, ...]:
    """The names of the figures that are the same on each device, or vary anyway."""
    names = dict.fromkeys(name for result in row.judged for name in result.figures)
    return tuple(name for name in names if name not in row.figures)


class Account(NamedTuple):
    """What a result has to say; the same names as a result's own."""

    measured: str
    reason: str
    traceback: str


class Outcome(NamedTuple):
    """A verdict, and whether it is as expected; the same names as a result's own."""

    verdict: Verdict
    as_expected: bool | None


def accounts_of(row: ClaimRow) -> list[tuple[Account, list[int]]]:
    """The distinct accounts, without what the claim's lines have already, and the devices of each."""
    lines = {line for line, _ in row.accounts}

    def account(result: Result) -> Account | None:
        measured = "" if result.measured in lines else result.measured
        reason = "" if " ".join(result.reason.split()) in lines else result.reason
        return Account(measured, reason, result.traceback) if measured or reason or result.traceback else None

    return _by_device(row, account)


def outcomes_of(row: ClaimRow) -> list[tuple[Outcome, list[int]]]:
    """The distinct outcomes, and the devices of each."""
    return _by_device(row, lambda result: Outcome(result.verdict, result.as_expected))


def unexpected_of(row: ClaimRow) -> list[tuple[tuple[str, ...], list[int]]]:
    """The figures that are other than expected, in words, and the devices of each."""
    return _by_device(row, lambda result: result.unexpected or None)


def truths_of(row: ClaimRow) -> list[tuple[str, list[int]]]:
    """What is true, other than the statement, and the devices where it is."""
    return _by_device(row, lambda result: result.what_is_true or None)


def _by_device(row: ClaimRow, value: Callable[[Result], Value | None]) -> list[tuple[Value, list[int]]]:
    """The distinct values that results have, and the devices of each."""
    return alike(None if result is None else value(result) for result in row.results)


def not_judged_on(row: ClaimRow) -> list[int]:
    """The devices that have no result."""
    return [number for number, result in enumerate(row.results, 1) if result is None]
