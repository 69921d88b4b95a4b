"""Transactions as a sequence diagram: a value that a result document can contain and views can draw."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from emulator.base.errors import UsageError
from harness.recording.diagram_parts import Arrow, ArrowKind, Lifeline, process_title, thread_title


@dataclass(frozen=True, slots=True)
class SequenceDiagram:
    """Threads side by side, grouped by process, and their transactions from top to bottom."""

    lifelines: tuple[Lifeline, ...]
    arrows: tuple[Arrow, ...]
    note: str = ""
    """How incomplete the recording is, if it is."""

    def processes(self) -> list[list[Lifeline]]:
        """The lifelines of each process, from left to right."""
        return [list(group) for _, group in groupby(self.lifelines, key=lambda line: line.process)]

    def svg(self) -> str:
        """As an `<svg>` element, which can be its own file or part of a page."""
        from harness.recording.sequence_svg import svg_of

        return svg_of(self)

    def _repr_svg_(self) -> str:
        return self.svg()  # for notebooks

    def save(self, path: str | Path) -> None:
        """Write it to a file, as SVG or in Mermaid's language, as its name ends: .svg, .mmd or .mermaid.

        Raises UsageError for another ending, and OSError where the file cannot be written.
        """
        forms = {".svg": self.svg, ".mmd": self.mermaid, ".mermaid": self.mermaid}
        form = forms.get(Path(path).suffix)
        if form is None:
            raise UsageError(f"{path}: the name of a diagram's file ends in {', '.join(forms)}.")
        Path(path).write_text(form(), encoding="utf-8", errors="backslashreplace")

    def mermaid(self) -> str:
        """In Mermaid's language: arrows are solid for calls, open for one-way, dashed for replies, and end
        in a cross where the driver refused the transaction.
        """
        lines = ["sequenceDiagram"]
        for threads in self.processes():
            lines.append(f"    box transparent {_escaped(process_title(threads[0]))}")
            lines += [
                f"    participant {_actor(thread)} as {_escaped(thread_title(thread))}" for thread in threads
            ]
            lines.append("    end")
        for arrow in self.arrows:
            sender, receiver = self.lifelines[arrow.sender], self.lifelines[arrow.receiver]
            text = _escaped(f"{arrow.label}, {arrow.figures}")
            lines.append(f"    {_actor(sender)}{_mermaid_arrow(arrow)}{_actor(receiver)}: {text}")
        if self.note and self.lifelines:
            lines.append(f"    note over {_actor(self.lifelines[0])}: {_escaped(self.note)}")
        return "\n".join(lines)


def _mermaid_arrow(arrow: Arrow) -> str:
    if arrow.failed:
        return "-x"
    return {ArrowKind.REPLY: "-->>", ArrowKind.ONE_WAY: "-)", ArrowKind.CALL: "->>"}[arrow.kind]


def _actor(lifeline: Lifeline) -> str:
    return f"p{lifeline.process or 0}t{lifeline.thread or 0}"


def _escaped(text: str) -> str:
    """Text without Mermaid's syntax characters, which are written as numbers."""
    return re.sub(r"[^\w .,()/:<>-]", lambda found: f"#{ord(found[0])};", text)
