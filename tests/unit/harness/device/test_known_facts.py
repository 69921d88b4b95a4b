"""Facts that are found once for a saved state."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device import known_facts
from harness.device.adb_link import NODE_PLACE
from harness.device.facts import Facts
from harness.device.known_facts import as_json, facts_of_state, from_json
from harness.device.probing import Attempts, ProbedDevice
from tests.support.fake_device import FACTS


class Restored:
    """A device that counts how often it is tried, and records what is made on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, facts: Facts, *, timed_out: bool = False) -> None:
        self.tried = 0
        self.made: list[str] = []
        self.surroundings = SimpleNamespace(node_place=NODE_PLACE)

        def find_facts(_: ProbedDevice, attempts: Attempts) -> Facts:
            self.tried += 1
            attempts.timed_out = timed_out
            return facts

        monkeypatch.setattr(known_facts, "find_facts", find_facts)
        monkeypatch.setattr(known_facts, "manage_once", lambda _, path: self.made.append(f"manages {path}"))

    def process(self) -> Restored:
        return self

    def __enter__(self) -> Restored:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def make_private_node(self, _: object) -> str:
        self.made.append("private node")
        return ""

    def facts_of(self, state: str) -> Facts:
        return facts_of_state(cast(ProbedDevice, self), state)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))


def test_a_state_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Restored(monkeypatch, FACTS)
    assert [device.facts_of(state) for state in ("one", "one", "other", "one")] == [FACTS] * 4
    assert device.tried == 2
    assert device.made == ["manages /dev/vndbinder"] * 2


def test_a_device_has_its_own_node_though_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{NODE_PLACE.directory}/binder-harness"
    device = Restored(monkeypatch, dataclasses.replace(FACTS, free_binder_device=path))
    device.facts_of("one")
    assert device.made == []
    assert device.facts_of("one").free_binder_device == path
    assert device.made == ["private node", f"manages {path}"]


def test_what_did_not_reply_in_time_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Restored(monkeypatch, FACTS, timed_out=True)
    assert [device.facts_of("one"), device.facts_of("one")] == [FACTS, FACTS]
    assert device.tried == 2


@given(st.from_type(Facts))
def test_facts_are_read_as_they_were_written(facts: Facts) -> None:
    assert from_json(as_json(facts)) == facts
