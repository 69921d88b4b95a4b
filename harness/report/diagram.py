"""Draws the transactions among a result's figures as a sequence diagram."""

from __future__ import annotations

from harness.experiments.core.json_values import from_json
from harness.experiments.core.result import Result
from harness.recording.sequence_diagram import SequenceDiagram
from harness.recording.sequence_svg import svg_of


def diagram_of(result: Result) -> str | None:
    """The first sequence diagram among the figures, as an `<svg>` element; None where there is none."""
    for figure in result.figures.values():
        if isinstance(figure.value, dict) and figure.value.keys() >= {"lifelines", "arrows"}:
            return svg_of(from_json(SequenceDiagram, figure.value))
    return None
