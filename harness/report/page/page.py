"""A page before it is text: its template, its sections by topic, and what else the template names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.experiments.core.claim import Topic
from harness.experiments.core.result import Result
from harness.report.comparison import ClaimRow
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
