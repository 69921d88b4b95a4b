"""What the measurements of the framework's own lookups need of a device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError
from harness.device.facts import Facts
from harness.experiments.framework.java_lookups import asked_directly
from harness.experiments.framework.measurements import measure_framework_lookups, measure_slow_lookups
from tests.support.fake_device import FACTS, FakeDevice

EVERYTHING = replace(
    FACTS,
    service_manager=True,
    framework=True,
    tracefs="/sys/kernel/tracing",
    kprobes=True,
    android_release="11",
)
STAND_IN = replace(EVERYTHING, android_release=None)
OF_THE_FRAMEWORK = (measure_framework_lookups, measure_slow_lookups)


@pytest.mark.parametrize("measure", OF_THE_FRAMEWORK)
@pytest.mark.parametrize("facts", [FACTS, STAND_IN])
def test_they_need_code_of_android_s_framework(measure: Any, facts: Facts) -> None:
    with pytest.raises(FacilityMissingError, match=r"needs the code of Android's framework: .*`embedded`"):
        measure(cast(Any, FakeDevice(facts)))


def test_they_are_counted_by_tracing() -> None:
    with pytest.raises(FacilityMissingError, match="needs tracefs"):
        measure_framework_lookups(cast(Any, FakeDevice(replace(EVERYTHING, tracefs=None))))


@pytest.mark.parametrize(
    ("facts", "directly"),
    [
        (FACTS, True),
        (STAND_IN, True),
        (EVERYTHING, False),
        (replace(EVERYTHING, api_level=28), False),
        (replace(EVERYTHING, api_level=29), True),
        (replace(EVERYTHING, api_level=29, kprobes=False), False),
    ],
)
def test_java_is_asked_directly_where_its_calls_can_be_counted(facts: Facts, directly: bool) -> None:
    assert asked_directly(facts) is directly
