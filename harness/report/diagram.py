"""Draws what a result's evidence holds of transactions from process to process."""

from __future__ import annotations

from harness.experiments.core.json_values import from_json
from harness.experiments.core.judge import Result
from harness.recording.sequence_diagram import SequenceDiagram


def diagram_of(result: Result) -> str | None:
    """The first sequence diagram among the evidence, as an `<svg>` element; None where there is none."""
    for evidence in result.evidence:
        if isinstance(evidence.value, dict) and evidence.value.keys() >= {"lifelines", "arrows"}:
            return from_json(SequenceDiagram, evidence.value).svg()
    return None
