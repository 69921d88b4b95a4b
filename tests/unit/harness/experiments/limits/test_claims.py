"""Verdicts about limits over made-up measurements: each figure is changed in turn."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from typing import Any

import pytest

from harness.device.facts import Facts
from harness.experiments.core.claim import CLAIMS, Topic
from harness.experiments.core.figure import fill
from harness.experiments.core.finding import Verdict
from harness.experiments.instruments.service_managers import IN_C, ON_LIBBINDER
from harness.experiments.limits import claims, java_claims, process_claims
from harness.experiments.limits.java_exceptions import Failure, JavaFailures
from harness.experiments.limits.process_mappings import AppMappings, ServiceManagerMapping
from harness.experiments.limits.shared_room import SharedRoom
from harness.experiments.limits.size_limit import LargestCall, LargestOneWay, Limit
from harness.experiments.limits.too_large import Holdings, Logged, Refusal, Refusals
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONDITIONAL,
    CONFIRMED,
    REFUTED,
    Case,
    VerdictFunction,
    claims_of,
)

MAPPING = 1_040_384

change: Callable[..., Any] = dataclasses.replace
LINUX_6_12 = change(FACTS, driver_ioctls=frozenset({"BINDER_GET_EXTENDED_ERROR"}))
RUST = change(LINUX_6_12, driver="Rust")


def limit(largest: int, errno_beyond: int | None = errno.ENOSPC) -> Limit:
    return Limit(largest, 20, errno_beyond)


LARGEST = LargestCall(MAPPING, limit(MAPPING), limit(MAPPING - 8), True)
SMALLER = change(LARGEST, data=limit(MAPPING - 104), with_object=limit(MAPPING - 112))
ONE_WAY = LargestOneWay(MAPPING, limit(MAPPING // 2), True, MAPPING // 2, 8)
OLDER = change(ONE_WAY, limit=limit(MAPPING // 2 - 104), charged=112)
ROOM = SharedRoom(
    MAPPING,
    kept=100_003,
    unanswered=50_001,
    one_way=1,
    alone=limit(MAPPING),
    beside_kept=limit(MAPPING - 100_008),
    beside_all=limit(MAPPING - 150_024),
    with_hole=limit(MAPPING - 150_024),
    all_freed=limit(MAPPING),
)
REFUSAL = Refusal(MAPPING + 1, "BR_FAILED_REPLY", errno.ENOSPC, Logged("BR_FAILED_REPLY", errno.ENOSPC))
HELD = Holdings(0, MAPPING // 2)
TOO_LARGE = Refusals(MAPPING, REFUSAL, REFUSAL, True, HELD, HELD)
APPS = AppMappings("processes forked from zygote", (MAPPING,), 12, 4096)
OLD = ServiceManagerMapping(IN_C, (128 * 1024,))
NEW = ServiceManagerMapping(ON_LIBBINDER, (MAPPING,))

JAVA_FAILURES = JavaFailures(
    release=10,
    mapping=131_072,
    at_limit=Failure(204_800, "DeadObjectException", "Transaction failed on small parcel"),
    above=Failure(204_804, "TransactionTooLargeException", "data parcel size 204804 bytes"),
    next_answered=True,
)

CASES: list[Case] = [
    (java_claims.limit_java_exception, JAVA_FAILURES, CONDITIONAL),
    (java_claims.limit_java_exception, change(JAVA_FAILURES, at_limit=JAVA_FAILURES.above), CONFIRMED),
    (java_claims.limit_java_exception, change(JAVA_FAILURES, above=JAVA_FAILURES.at_limit), REFUTED),
    (java_claims.limit_java_exception, change(JAVA_FAILURES, release=14, warned=(307_204,)), CONDITIONAL),
    (process_claims.buffer_1mb, APPS, REFUTED),
    (process_claims.buffer_1mb, change(APPS, sizes=(1024 * 1024,)), CONFIRMED),
    (process_claims.buffer_1mb, change(APPS, sizes=(1_000_000,)), CONFIRMED),
    (process_claims.buffer_1mb, change(APPS, sizes=(1024 * 1024, MAPPING)), REFUTED),
    (claims.largest_call, LARGEST, REFUTED),
    (claims.largest_call, SMALLER, CONFIRMED),
    (claims.largest_one_way, ONE_WAY, CONFIRMED),
    (claims.largest_one_way, OLDER, CONFIRMED),
    (claims.largest_one_way, change(ONE_WAY, limit=limit(MAPPING)), REFUTED),
    (claims.largest_one_way, change(ONE_WAY, call_beyond=False), REFUTED),
    (claims.limit_is_shared, ROOM, CONFIRMED),
    (claims.limit_is_shared, change(ROOM, beside_kept=limit(MAPPING)), REFUTED),
    (claims.limit_is_shared, change(ROOM, beside_all=limit(MAPPING - 100_008)), REFUTED),
    (claims.limit_is_shared, change(ROOM, all_freed=limit(MAPPING - 100_008)), REFUTED),
    (claims.failure_is_clean, TOO_LARGE, CONFIRMED),
    (claims.failure_is_clean, change(TOO_LARGE, before=None, after=None), CONFIRMED),
    (claims.failure_is_clean, change(TOO_LARGE, call=change(REFUSAL, answer=None)), REFUTED),
    (claims.failure_is_clean, change(TOO_LARGE, one_way=change(REFUSAL, answer="BR_DEAD_REPLY")), REFUTED),
    (claims.failure_is_clean, change(TOO_LARGE, next_answered=False), REFUTED),
    (claims.failure_is_clean, change(TOO_LARGE, after=Holdings(1, MAPPING // 2)), REFUTED),
    (claims.failure_is_clean, change(TOO_LARGE, after=Holdings(0, 0)), REFUTED),
    (process_claims.zygote_mapping, APPS, CONFIRMED),
    (process_claims.zygote_mapping, change(APPS, sizes=(4096, MAPPING)), REFUTED),
    (process_claims.zygote_mapping, change(APPS, sizes=(1_015_808,), page_size=16_384), REFUTED),
    (process_claims.service_manager_mapping, (OLD,), CONFIRMED),
    (process_claims.service_manager_mapping, (NEW, OLD), CONDITIONAL),
    (process_claims.service_manager_mapping, (NEW,), REFUTED),
    (process_claims.service_manager_mapping, (change(OLD, sizes=()),), REFUTED),
    (process_claims.service_manager_mapping, (change(OLD, sizes=(128 * 1024,) * 2),), REFUTED),
]


def unexpected(function: VerdictFunction, measured: object, facts: Facts = LINUX_6_12) -> dict[str, str]:
    """The figures that are other than expected."""
    figures = function(measured, facts).figures
    return {name: str(figure) for name, figure in figures.items() if not figure.as_expected}


def sentence(function: VerdictFunction, measured: object) -> str:
    finding = function(measured, LINUX_6_12)
    return fill(finding.sentence, {name: str(figure) for name, figure in finding.figures.items()})


@pytest.mark.parametrize(
    ("function", "measured"),
    [
        (claims.largest_call, LARGEST),
        (claims.largest_one_way, ONE_WAY),
        (claims.limit_is_shared, ROOM),
        (claims.failure_is_clean, TOO_LARGE),
        (process_claims.zygote_mapping, APPS),
        (process_claims.service_manager_mapping, (NEW, OLD)),
    ],
)
def test_the_figures_of_linux_6_12_are_as_expected(function: VerdictFunction, measured: object) -> None:
    expected = claims_of(Topic.LIMITS)[function].expected_verdict(LINUX_6_12)
    assert function(measured, LINUX_6_12).verdict is expected
    assert not unexpected(function, measured)


def test_what_a_driver_keeps_in_the_mapping_is_unexpected_of_the_one_in_c() -> None:
    assert unexpected(claims.largest_call, SMALLER) == {
        "largest_call": "1,040,280 bytes",
        "largest_call_with_object": "1,040,272 bytes",
    }
    assert not unexpected(claims.largest_call, SMALLER, RUST)


def test_the_largest_call_has_to_arrive_as_it_was_sent() -> None:
    assert unexpected(claims.largest_call, change(LARGEST, intact=False)) == {"arrived_as_sent": "no"}


def test_an_older_driver_charges_its_record_to_one_way_space() -> None:
    assert not unexpected(claims.largest_one_way, OLDER)
    assert unexpected(claims.largest_one_way, change(OLDER, charged=8)) == {
        "largest_one_way": "520,088 bytes"
    }
    assert not unexpected(claims.largest_one_way, change(OLDER, free_space=None, charged=None))


def test_each_part_of_the_room_is_expected_to_the_byte() -> None:
    measured = change(ROOM, with_hole=limit(MAPPING - 50_016))
    assert unexpected(claims.limit_is_shared, measured) == {"largest_call.with_first_freed": "990,368 bytes"}
    assert not unexpected(claims.limit_is_shared, measured, RUST)


def test_another_error_than_that_there_is_no_room_is_unexpected() -> None:
    other = change(TOO_LARGE, call=change(REFUSAL, errno=errno.EINVAL))
    assert unexpected(claims.failure_is_clean, other) == {"errno.call": "EINVAL"}
    beyond = change(LARGEST, data=limit(MAPPING, errno_beyond=errno.EINVAL))
    assert unexpected(claims.largest_call, beyond) == {"errno_beyond": "EINVAL"}


def test_no_error_is_expected_of_a_driver_that_reports_none() -> None:
    silent = change(REFUSAL, errno=None, logged=None)
    measured = change(TOO_LARGE, call=silent, one_way=silent)
    assert unexpected(claims.failure_is_clean, measured) == {"errno.call": "none", "errno.one_way": "none"}
    assert not unexpected(claims.failure_is_clean, measured, FACTS)


def test_what_is_taken_is_not_stated_to_have_failed() -> None:
    taken = change(TOO_LARGE, call=Refusal(MAPPING + 1, None, None, None), next_answered=False)
    assert sentence(claims.failure_is_clean, taken) == (
        "a call of 1,040,385 bytes was taken; a one-way transaction of 1,040,385 bytes failed with "
        "BR_FAILED_REPLY (ENOSPC); the next call was not answered"
    )


def test_each_generation_of_service_manager_has_its_own_figure() -> None:
    swapped = (change(NEW, sizes=OLD.sizes), change(OLD, sizes=NEW.sizes))
    assert unexpected(process_claims.service_manager_mapping, swapped) == {
        "bytes_mapped.on_libbinder": "131,072 bytes",
        "bytes_mapped.in_c": "1,040,384 bytes",
    }
    assert sentence(process_claims.service_manager_mapping, (NEW, OLD)) == (
        "the Service Manager maps 1,040,384 bytes on libbinder (from Android 11 on) and 131,072 bytes in C "
        "(to Android 10)"
    )


def test_only_the_size_that_pages_of_16_kib_result_in_is_expected_with_them() -> None:
    measured = change(APPS, sizes=(MAPPING,), page_size=16_384)
    assert unexpected(process_claims.zygote_mapping, measured) == {"bytes_mapped": "1,040,384 bytes"}


@pytest.mark.parametrize(
    ("claim", "facts", "verdict"),
    [
        ("limit.largest-sync", {"kernel_release": "4.14.180"}, REFUTED),
        ("limit.largest-sync", {"kernel_release": "4.9.270"}, None),
        ("limit.zygote-1m-8k", {"page_size": 4096}, CONFIRMED),
        ("limit.zygote-1m-8k", {"page_size": 16_384}, REFUTED),
        ("limit.servicemanager-128k", {"api_level": 29}, CONFIRMED),
        ("limit.servicemanager-128k", {"api_level": 30}, REFUTED),
        ("limit.servicemanager-128k", {"api_level": None}, CONDITIONAL),
    ],
)
def test_the_expectation_follows_from_the_facts(
    claim: str, facts: dict[str, Any], verdict: Verdict | None
) -> None:
    assert CLAIMS.get(claim).expected_verdict(change(FACTS, **facts)) is verdict


@pytest.mark.parametrize(
    ("warned", "as_expected"), [((307_204,), True), ((307_200, 307_204), False), ((), False)]
)
def test_later_libbinder_warns_from_a_word_above_300_kib_on(
    warned: tuple[int, ...], as_expected: bool
) -> None:
    measured = dataclasses.replace(JAVA_FAILURES, release=14, warned=warned)

    figure = java_claims.limit_java_exception(measured, FACTS).figures["size.warned"]

    assert figure.as_expected is as_expected


def test_android_10_s_libbinder_warns_of_nothing() -> None:
    assert "size.warned" not in java_claims.limit_java_exception(JAVA_FAILURES, FACTS).figures
