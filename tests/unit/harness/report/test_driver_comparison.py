"""The comparison of drivers: what comes first, and what a cell holds."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from harness.experiments.probes.probe import Probe
from harness.report.driver_comparison import Answers, cell, page, probe_rows
from tests.support.fake_device import FACTS

PROBES = [
    Probe("a.same", "Is it the same?", lambda _: None),
    Probe("b.other", "Is it other?", lambda _: None),
    Probe("c.trap", "Can one trip?", lambda _: None, trap="One can."),
    Probe("d.no-trap", "Could one have?", lambda _: None, trap="One could."),
]
IN_C = Answers("embedded", FACTS, {"a.same": "1", "b.other": "EINVAL", "c.trap": "x", "d.no-trap": "y"})
IN_RUST = Answers(
    "embedded?driver=rust",
    dataclasses.replace(FACTS, driver="Rust"),
    {"a.same": "1", "b.other": "ENOENT", "c.trap": "z|z", "d.no-trap": "y"},
)


def test_what_differs_comes_first_and_of_that_what_one_trips_over() -> None:
    assert [row.id for row in probe_rows(PROBES, [IN_C, IN_RUST])] == [
        "c.trap",
        "b.other",
        "a.same",
        "d.no-trap",
    ]


def test_the_page_names_kernels_and_day_and_counts() -> None:
    text = page(PROBES, [IN_C, IN_RUST], date(2026, 11, 29))
    assert "Generated on 2026-11-29" in text
    assert "Of 4 probes, 2 differ" in text
    assert "| `c.trap` | Can one trip? One can. | `x` | `z/z` |" in text
    assert text.index("c.trap") < text.index("b.other") < text.index("## What is the same")


@pytest.mark.parametrize(
    ("text", "shown"), [("a\nb", "`a b`"), ("a|b", "`a/b`"), ("", ""), ("it's `x`", "it's `x`")]
)
def test_a_cell_is_one_line_of_a_table(text: str, shown: str) -> None:
    assert cell(text) == shown
