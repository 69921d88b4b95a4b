"""Facts that are found once for a saved state."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device import known_facts
from harness.device.facts import Facts
from harness.device.known_facts import as_json, facts_of_state, from_json
from harness.device.probing import Attempts, ProbedDevice
from tests.support.fake_device import FACTS


class Restored:
    """A device that counts how often it is tried, and records what is made on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, facts: Facts, *, timed_out: bool = False) -> None:
        self.tried = 0
        self.made: list[str] = []

        def find_facts(_: ProbedDevice, attempts: Attempts) -> Facts:
            self.tried += 1
            attempts.timed_out = timed_out
            return facts

        monkeypatch.setattr(known_facts, "find_facts", find_facts)
        monkeypatch.setattr(known_facts, "free_device", self.manage_one)

    def process(self) -> Restored:
        return self

    def __enter__(self) -> Restored:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def manage_one(
        self, _device: object, _process: object, paths: tuple[str, ...], *, may_make_one: bool
    ) -> None:
        self.made.append(f"manages {' or '.join([*paths, *['a new one'] * may_make_one])}")

    def facts_of(self, state: str) -> Facts:
        return facts_of_state(cast(ProbedDevice, self), state)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))


def test_a_state_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Restored(monkeypatch, FACTS)
    assert [device.facts_of(state) for state in ("one", "one", "other", "one")] == [FACTS] * 4
    assert device.tried == 2
    assert device.made == [f"manages {FACTS.free_binder_device}"] * 2


def test_a_device_of_its_own_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "/data/local/tmp/node/binder-harness"
    device = Restored(monkeypatch, dataclasses.replace(FACTS, free_binder_device=own))
    assert [device.facts_of("one").free_binder_device for _ in range(2)] == [own] * 2
    assert device.made == [f"manages {' or '.join(FACTS.binder_devices)} or a new one"]


def test_where_none_is_free_nothing_is_done_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Restored(monkeypatch, dataclasses.replace(FACTS, free_binder_device=None))
    assert device.facts_of("one") == device.facts_of("one")
    assert (device.tried, device.made) == (1, [])


def test_what_did_not_reply_in_time_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Restored(monkeypatch, FACTS, timed_out=True)
    assert [device.facts_of("one"), device.facts_of("one")] == [FACTS, FACTS]
    assert device.tried == 2


@given(st.from_type(Facts))
def test_facts_are_read_as_they_were_written(facts: Facts) -> None:
    assert from_json(as_json(facts)) == facts
