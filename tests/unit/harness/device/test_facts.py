from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import ExitCode, FacilityMissingError
from harness.device.facts import Facts, Need
from harness.experiments.core.json_values import Json, from_json, to_json

BARE = Facts(
    architecture="aarch64",
    page_size=16384,
    kernel_release="6.1.0-41-arm64",
    processors=1,
    memory_bytes=1 << 30,
)


@given(st.builds(Facts))
def test_facts_survive_json(facts: Facts) -> None:
    assert from_json(Facts, to_json(facts)) == facts


@pytest.mark.parametrize("need", Need)
def test_a_missing_facility_has_a_reason_and_devices_that_have_it(need: Need) -> None:
    reason = need.missing(BARE)
    assert reason is not None
    assert need.meaning in reason
    assert "It can be tested on " in reason
    with pytest.raises(FacilityMissingError) as caught:
        need.require(BARE)
    assert caught.value.exit_code is ExitCode.SETUP_MISSING


def test_the_probe_s_reason_is_given() -> None:
    facts = from_json(Facts, {**_object(BARE), "reasons": {"binder_debug": "debugfs is not mounted"}})
    assert "debugfs is not mounted" in str(Need.BINDER_DEBUG.missing(facts))


def test_a_reason_in_whole_sentences_gets_no_second_full_stop() -> None:
    facts = from_json(Facts, {**_object(BARE), "reasons": {"binder_debug": "Nothing there. Use another."}})
    assert "Use another. It can be tested on" in str(Need.BINDER_DEBUG.missing(facts))


def test_what_is_there_is_not_missing() -> None:
    facts = from_json(Facts, {**_object(BARE), "free_binder_device": "/dev/vndbinder", "kcore": True})
    assert Need.FREE_BINDER.missing(facts) is None
    assert Need.KCORE.missing(facts) is None
    assert Need.ROOT.missing(facts) is not None


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("6.12.48+deb12-amd64", (6, 12, 48)),
        ("5.15.78-android13-8", (5, 15, 78)),
        ("6.6-rc1", (6, 6)),
        ("next", ()),
    ],
)
def test_kernel_versions_compare(release: str, version: tuple[int, ...]) -> None:
    facts = from_json(Facts, {**_object(BARE), "kernel_release": release})
    assert facts.kernel_version == version


def _object(facts: Facts) -> dict[str, Json]:
    value = to_json(facts)
    assert isinstance(value, dict)
    return value
