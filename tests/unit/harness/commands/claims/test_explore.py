"""What `explore` shows of a search, also of one that Ctrl-C ended before its first step."""

from __future__ import annotations

import dataclasses

import pytest

from harness.commands.claims.explore import show_result
from harness.explore.result import Exploration
from harness.explore.search import Limits, Search
from tests.support.fake_device import FACTS
from tests.support.model_taker import ModelTaker


def result_of(search: Search) -> Exploration:
    return Exploration.of(
        search,
        harness="1",
        target="embedded",
        device=FACTS,
        against=None,
        rules=("calls",),
        seed=1,
        interrupted=True,
    )


def test_a_search_without_a_step_shows_no_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is anything divided by the no time that it took."""
    result = dataclasses.replace(result_of(Search(ModelTaker(), limits=Limits(steps=1))), seconds=0.0)
    show_result(result)
    shown = capsys.readouterr().out
    assert shown.startswith("0 steps of 0 programs in 0.0 s: 0 commands/s")
    assert shown.endswith("No step was taken: nothing was compared.\n")


def test_a_search_with_steps_shows_the_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    search = Search(ModelTaker(), limits=Limits(steps=20))
    search.run(("calls",), seed=1)
    show_result(result_of(search))
    assert capsys.readouterr().out.endswith("Driver and model agree.\n")
