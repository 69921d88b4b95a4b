"""The stand-in on devices other than the embedded one: whose codes it has, and where it cannot register."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.binder.services.wire import (
    ANDROID_10,
    ANDROID_11,
    ANDROID_12,
    ANDROID_13,
    ANDROID_14,
    ANDROID_15_LATE,
    ANDROID_16,
    Dialect,
    Kind,
)
from harness.framework.dialect import code_names_on, dialect_of, framework_release, standin_answers
from harness.framework.standin import why_not_registrable, why_not_spoken
from harness.framework.transaction_codes import ACTIVITY_MANAGER


class FakeAndroid:
    """A device with an Android 12 that has no framework."""

    facts = SimpleNamespace(android_release="12", java=None)


def test_the_codes_of_a_stand_in_are_its_own() -> None:
    device = cast(Any, FakeAndroid())
    assert framework_release(device) == 12
    assert code_names_on(device)(ACTIVITY_MANAGER, 16) == "broadcastIntentWithFeature"
    with standin_answers(device):
        assert (framework_release(device), dialect_of(device)) == (None, None)
        assert code_names_on(device)(ACTIVITY_MANAGER, 15) == "broadcastIntentWithFeature"
    assert framework_release(device) == 12


@pytest.mark.parametrize("dialect", [ANDROID_11, ANDROID_13, ANDROID_14])
def test_where_it_can_register(dialect: Dialect) -> None:
    assert why_not_registrable(dialect) is None


@pytest.mark.parametrize(("release", "dialect"), [(10, ANDROID_10), (14, ANDROID_13), (14, ANDROID_14)])
def test_another_generation_registers_where_its_own_service_manager_runs(
    release: int, dialect: Dialect
) -> None:
    assert why_not_registrable(dialect, release) is None
    assert why_not_registrable(ANDROID_12, release) is not None


def test_it_reads_no_intents_in_parcels_of_android_10() -> None:
    assert why_not_spoken(ANDROID_14) is None
    assert "those in parcels of Android 10 are others" in (why_not_spoken(ANDROID_10) or "")


@pytest.mark.parametrize(
    ("dialect", "reason"),
    [
        (ANDROID_10, "that of Android 10, whose calls begin otherwise"),
        (ANDROID_11.of(Kind.RECOVERY), "for recovery processes, whose calls begin otherwise"),
        (ANDROID_12, "that of Android 12, to which an object's stability is stated otherwise"),
        (ANDROID_15_LATE, "addService has another code"),
        (ANDROID_16, "that of Android 16, where addService has another code"),
    ],
)
def test_why_it_cannot(dialect: Dialect, reason: str) -> None:
    assert reason in (why_not_registrable(dialect) or "")
