"""What the measurements of the framework's own lookups need of a device."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from emulator.base.errors import FacilityMissingError
from harness.device.facts import Facts
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


@pytest.mark.parametrize("measure", [measure_framework_lookups, measure_slow_lookups])
@pytest.mark.parametrize(("facts", "reason"), [(FACTS, "does not have it"), (STAND_IN, "a stand-in")])
def test_they_need_android_s_own_framework(measure: Any, facts: Facts, reason: str) -> None:
    with pytest.raises(FacilityMissingError, match=rf"needs Android's framework: .*{reason}.*java=10"):
        measure(cast(Any, FakeDevice(facts)))


def test_they_are_counted_by_tracing() -> None:
    with pytest.raises(FacilityMissingError, match="needs tracefs"):
        measure_framework_lookups(cast(Any, FakeDevice(replace(EVERYTHING, tracefs=None))))
