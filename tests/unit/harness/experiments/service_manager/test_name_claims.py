"""Verdicts on the names that the service manager keeps, over made-up measurements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.experiments.instruments.generations import Generation
from harness.experiments.service_manager import name_claims
from harness.experiments.service_manager.registration import Death, Listing, Registration
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONFIRMED,
    REFUTED,
    Case,
)

IN_C, ON_LIBBINDER = Generation.IN_C, Generation.ON_LIBBINDER
FOUND = Registration(
    generation=ON_LIBBINDER,
    found_before=False,
    found_unknown=False,
    handle=1,
    handle_by_get=1,
    own_node=True,
    caller=482,
    called_by=482,
    reply=42,
)
LISTING = Listing(ON_LIBBINDER, ("a", "b", "c"), ("manager",), ("a", "b", "c", "manager"))
DEATH = Death(ON_LIBBINDER, True, False, 0.0034, listed_dead=False, call="BR_DEAD_REPLY")

change: Callable[..., Any] = dataclasses.replace

CASES: list[Case] = [
    (name_claims.register_lookup, (FOUND,), CONFIRMED),
    (name_claims.register_lookup, (FOUND, change(FOUND, generation=IN_C)), CONFIRMED),
    (name_claims.register_lookup, (FOUND, change(FOUND, generation=IN_C, reply=41)), REFUTED),
    (name_claims.register_lookup, (change(FOUND, found_before=True),), REFUTED),
    (name_claims.register_lookup, (change(FOUND, found_unknown=True),), REFUTED),
    (name_claims.register_lookup, (change(FOUND, handle=None, handle_by_get=None, reply=None),), REFUTED),
    (name_claims.register_lookup, (change(FOUND, handle_by_get=2),), REFUTED),
    (name_claims.register_lookup, (change(FOUND, own_node=False),), REFUTED),
    (name_claims.register_lookup, (change(FOUND, called_by=483),), REFUTED),
    (name_claims.list_services, (LISTING,), CONFIRMED),
    (name_claims.list_services, (change(LISTING, generation=IN_C, before=()), LISTING), CONFIRMED),
    (name_claims.list_services, (change(LISTING, after=("a", "b", "manager")),), REFUTED),
    (name_claims.list_services, (change(LISTING, after=("a", "a", "b", "c")),), REFUTED),
    (name_claims.list_services, (change(LISTING, before=("a",)),), REFUTED),
    (name_claims.death_forgets, (DEATH,), CONFIRMED),
    (name_claims.death_forgets, (DEATH, change(DEATH, generation=IN_C, listed_dead=True)), CONFIRMED),
    (name_claims.death_forgets, (change(DEATH, found_dead=True),), REFUTED),
    (name_claims.death_forgets, (change(DEATH, found_alive=False),), REFUTED),
]


@pytest.mark.parametrize(("generation", "listed"), [(IN_C, True), (ON_LIBBINDER, False)])
def test_only_the_program_in_c_goes_on_listing_a_name(generation: Generation, listed: bool) -> None:
    name = f"listed_dead.{generation}"
    for listed_dead in (True, False):
        death = change(DEATH, generation=generation, listed_dead=listed_dead)
        finding = name_claims.death_forgets((death,), FACTS)
        assert finding.verdict is CONFIRMED
        assert finding.figures[name].as_expected == (listed_dead == listed)


def test_another_caller_is_unexpected() -> None:
    figures = name_claims.register_lookup((change(FOUND, called_by=None),), FACTS).figures
    assert [name for name, figure in figures.items() if not figure.as_expected] == [
        "caller_seen.on_libbinder"
    ]
