"""A section whose lines are being collected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.inspect.kinds import Kind, Place, Section
from harness.inspect.values import unknown_in, value_of

_TRANSACTION = re.compile(r"\btransaction=(\d{1,19})\b")


@dataclass(slots=True)
class OpenSection:
    """A section that goes on; of a trace it keeps only what is about Binder, of others every line."""

    kind: Kind
    first: int
    title: str = ""
    explicit: bool = False
    """Whether a heading of a bug report names it: it then ends at the next heading alone."""
    lines: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """Of a trace, where each line was."""

    def gap(self, number: int) -> int:
        """How many lines of something else are between its last line and this one; none count in a trace."""
        return 0 if self.kind == Kind.TRACE else number - self.first - len(self.lines)

    def add(self, line: str, number: int) -> None:
        """Add a line: blank ones stand for those of something else, so that places are right."""
        if self.kind == Kind.TRACE:
            self.numbers.append(number)
        else:
            self.lines += [""] * self.gap(number)
        self.lines.append(line)

    def read(self, file: str) -> Section | None:
        """The section with its value; None where it has nothing in it."""
        if not any(map(str.strip, self.lines)):
            return None
        value = value_of(self.kind, "\n".join(self.lines), self.first)
        last = self.numbers[-1] if self.numbers else self.first + len(self.lines) - 1
        return Section(self.kind, Place(file, self.first), last, self.title, value, self._transactions())

    def unknown(self, section: Section) -> list[tuple[int, str]]:
        """The lines that the section's reader did not understand, with their numbers."""
        unknown = list(unknown_in(section.value))
        found = enumerate(self.lines, self.first) if unknown else ()
        where = {line.strip(): number for number, line in found}
        return [(where.get(line.strip(), self.first), line) for line in unknown]

    def _transactions(self) -> Mapping[int, tuple[int, ...]]:
        """Of a trace, the lines about each transaction."""
        found: dict[int, tuple[int, ...]] = {}
        for number, line in zip(self.numbers, self.lines, strict=False):
            if match := _TRANSACTION.search(line):
                found[int(match[1])] = (*found.get(int(match[1]), ()), number)
        return found
