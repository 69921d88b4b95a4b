"""The stand-in on devices other than the embedded one: whose codes it has, and where it cannot register."""

from __future__ import annotations

import dataclasses
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
from harness.device.facts import Facts
from harness.framework.dialect import (
    code_names_on,
    dialect_of,
    framework_release,
    java_in_use,
    standin_answers,
    standin_release,
)
from harness.framework.standin import why_not_registrable
from harness.framework.transaction_codes import ACTIVITY_MANAGER, ACTIVITY_MANAGER_CODES
from tests.support.fake_device import FACTS


class FakeAndroid:
    """A device of which facts alone are known: unless they are given, an Android 12 that has no framework."""

    def __init__(self, facts: Facts = dataclasses.replace(FACTS, android_release="12")) -> None:  # noqa: B008
        self.facts = facts


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


@pytest.mark.parametrize(("userland", "release"), [(None, 11), (10, 10), (11, 11), (14, 11)])
def test_it_has_the_codes_of_android_10_on_that_ones_libbinder(userland: int | None, release: int) -> None:
    facts = dataclasses.replace(FACTS, userland=userland)
    assert standin_release(facts) == release
    method = "broadcastIntent" if release == 10 else "broadcastIntentWithFeature"
    names = code_names_on(cast(Any, FakeAndroid(facts)))
    assert names(ACTIVITY_MANAGER, ACTIVITY_MANAGER_CODES[release][method]) == method


def test_where_java_is_in_use_codes_have_the_names_of_its_release() -> None:
    device = cast(Any, FakeAndroid(dataclasses.replace(FACTS, userland=11)))
    with java_in_use(device, 10):
        with java_in_use(device, 10):
            pass
        assert code_names_on(device)(ACTIVITY_MANAGER, 12) == "broadcastIntent"
    assert code_names_on(device)(ACTIVITY_MANAGER, 12) == "registerReceiverWithFeature"


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
