"""A search with a model in the place of the driver: it agrees with itself; a bent one is found and shrunk."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from emulator.base.errors import HarnessError
from harness.commands.claims.explore import known_differences
from harness.explore import features
from harness.explore.choosing.rules import RULES, START
from harness.explore.comparison import Apart, Comparison, DisagreementError, Together
from harness.explore.search import Limits, Search
from harness.model import references
from harness.model.features import LINUX_6_1, LINUX_6_12, Features
from harness.model.payloads import buffers
from harness.model.records import Buffer, Mapping
from harness.model.steps import Exchange, Open, Outcome, Step
from harness.model.views import View
from harness.model.world import World, view_of
from tests.support.model_taker import ModelTaker, random_program


def test_a_search_ends_at_its_limit_and_counts() -> None:
    search = Search(ModelTaker(), limits=Limits(steps=120))
    search.run(tuple(RULES), seed=1)
    assert search.disagreement is None
    assert search.steps == 120
    assert search.commands >= 120
    assert search.coverage.commands["BC_TRANSACTION"] > 0
    assert "BC_TRANSACTION" not in search.coverage.missing()["commands"]


def test_the_same_seed_takes_the_same_steps() -> None:
    searches = [Search(ModelTaker(), limits=Limits(steps=80)) for _ in range(2)]
    for search in searches:
        search.run(("calls", "refcounts"), seed=5)
    first, second = ((each.coverage.commands, each.coverage.returns) for each in searches)
    assert first == second


class GivesHandlesFromTwo(ModelTaker):
    """A driver whose first handle is 2."""

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(references, "lowest_free_handle", lambda process, _: 2 + len(process.references))
            return super().take(step, expected, allowed)


def test_a_difference_is_found_shrunk_and_can_be_run_again() -> None:
    search = Search(GivesHandlesFromTwo(), limits=Limits(steps=2000))
    search.run(("refcounts",), seed=3)
    assert search.disagreement is not None
    assert len(search.disagreement.program) <= len(START) + 2, "it needs one reference"
    assert "from harness.explore.names import *" in str(search.disagreement)
    *before, last = search.disagreement.program
    comparison = Comparison(GivesHandlesFromTwo())
    for step in before:
        comparison.take(step)
    with pytest.raises(DisagreementError):
        comparison.take(last)


class Breaks(ModelTaker):
    """A device that is lost at its tenth step."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 10

    def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
        self.left -= 1
        if not self.left:
            raise HarnessError("lost")
        return super().take(step, expected, allowed)


def test_the_program_is_known_when_the_device_is_lost() -> None:
    search = Search(Breaks(), limits=Limits(steps=100))
    with pytest.raises(HarnessError, match="lost"):
        search.run(tuple(RULES), seed=1)
    assert len(search.unfinished) in range(1, 11)


def test_equal_pieces_fit_equally() -> None:
    mapping = Mapping(4096, lambda _: 0)
    pieces = [buffers.allocate(mapping, 96, 0, 0, one_way=False, sender=1) for _ in range(4)]
    for piece in (pieces[0], pieces[2]):
        assert isinstance(piece, Buffer)
        buffers.free(mapping, piece)
    assert [each.offset for each in buffers.best_fits(mapping, 90)] == [0, 192]


@pytest.mark.parametrize("seed", range(8))
def test_what_the_driver_leaves_open_is_settled_by_what_it_shows(seed: int) -> None:
    """Of several free pieces of one size, the driver may take any: here it takes the last."""
    world = World(LINUX_6_1)
    world._choose = lambda count: count - 1  # type: ignore[method-assign]

    class TakesLast(ModelTaker):
        def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:  # noqa: ARG002
            return world.apply(step), view_of(world)

    comparison = Comparison(TakesLast(LINUX_6_1))
    for step, _ in random_program(seed, 80, ["calls", "oneway", "buffers", "reads"]):
        comparison.take(step)


def test_the_whole_step_is_compared() -> None:
    taker = ModelTaker()
    comparison = Comparison(taker)
    comparison.take(Open(1))
    taker.world.processes[1].max_threads = 5  # what the driver does not show is no difference
    comparison.take(Exchange(1, 1))
    taker.world.processes[1].threads[1].need_return = True
    with pytest.raises(DisagreementError, match="need_return"):
        comparison.take(Exchange(1, 2, (), 0))
    assert LINUX_6_12 is comparison.worlds.features


def test_two_drivers_are_compared_with_each_other() -> None:
    apart: dict[str, Apart] = {}
    together = Together([ModelTaker(LINUX_6_12), ModelTaker(LINUX_6_1)], apart)
    for step in features.PROGRAM:
        together.take(step)
    shown = [(each.what, each.steps, len(each.program)) for each in apart.values()]
    noop, complete = "BR_NOOP", "BR_TRANSACTION_COMPLETE"
    assert shown == [
        (f"{noop}, {complete} / {noop}, BR_ONEWAY_SPAM_SUSPECT", 1, 6),
        (f"{noop}, BR_TRANSACTION_PENDING_FROZEN / {noop}, {complete}", 1, 12),
        ("success / EINVAL", 1, 13),
    ]


def test_what_two_models_say_is_known() -> None:
    apart: dict[str, Apart] = {}
    together = Together([ModelTaker(LINUX_6_12), ModelTaker(LINUX_6_1)], apart)
    for step in features.PROGRAM:
        together.take(step)
    assert all(each.is_known for each in apart.values())
    names = known_differences(LINUX_6_12, LINUX_6_1)
    assert names == "reports_pending, counts_latest, shows_offsets, notifies_of_freezing"
    assert not known_differences(LINUX_6_12, LINUX_6_12)


@pytest.mark.parametrize("known", [LINUX_6_1, LINUX_6_12])
def test_what_a_driver_differs_in_is_found_by_trying(known: Features) -> None:
    found = features.find_features(ModelTaker(known))
    assert (found.reports_pending, found.counts_latest) == (known.reports_pending, known.counts_latest)
    assert found.shows_counts


def test_a_driver_without_the_counts_of_the_one_in_c_is_noticed() -> None:
    class Uncounted(ModelTaker):
        def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
            outcome, view = super().take(step, expected, allowed)
            return outcome, {name: text.replace(" ls ", " ls None") for name, text in view.items()}

    assert not features.find_features(Uncounted()).shows_counts


def test_a_driver_that_hides_where_buffers_are_has_a_model_all_the_same() -> None:
    class Hashed(ModelTaker):
        def take(self, step: Step, expected: Outcome, allowed: Sequence[View]) -> tuple[Outcome, View]:
            outcome, view = super().take(step, expected, allowed)
            return outcome, {name: re.sub(r"at \d+", "at None", text) for name, text in view.items()}

    found = features.find_features(Hashed())
    assert (found.shows_counts, found.shows_offsets) == (True, False)
