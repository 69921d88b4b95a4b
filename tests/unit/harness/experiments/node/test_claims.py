"""Verdicts over made-up measurements: what a kernel would show on which a statement is true, or is false."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.node import claims
from harness.experiments.node.descriptors import (
    ArrivingDescriptor,
    DescriptorExhaustion,
    DescriptorLimit,
    DescriptorLinks,
    may_starve,
)
from harness.experiments.node.device_nodes import (
    Ashmem,
    DeviceNode,
    NodeNumbers,
    OfferedOperations,
    Operations,
)
from harness.experiments.node.process_records import ProcessRecord, RecordsByFile
from tests.support.fake_device import FACTS
from tests.support.verdicts import (
    CONFIRMED,
    REFUTED,
    Case,
)

NODES = NodeNumbers((DeviceNode("/dev/binder", True, 10, 61),), (10,), (), {"binder": 61})
OFFERED = Operations("EINVAL", "EINVAL", "success", "success", "success")
ZERO = Operations("success", "success", "ENOTTY", "success", "EPERM")
LIMIT = DescriptorLimit(32, 3, 29, "EMFILE", "success", 9999, "ENFILE")
ARRIVING = ArrivingDescriptor("memfd", "BR_FAILED_REPLY", False, "memfd", "BR_FAILED_REPLY", "memfd")
LINKS = DescriptorLinks("/dev/binder", "/dev/binder", 3, (), (3,), ())
RECORD = ProcessRecord(before=0, opened=1, others=1, closed=0, others_after=1)

change: Callable[..., Any] = dataclasses.replace


@pytest.mark.parametrize(
    ("changes", "disposable", "may"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"root": False}, True, False),
        ({"android_release": "14"}, True, False),
    ],
)
def test_only_a_device_of_our_own_without_android_is_starved(
    changes: dict[str, Any], disposable: bool, may: bool
) -> None:
    assert may_starve(change(FACTS, **changes), disposable=disposable) is may


def opening(**changes: object) -> DescriptorExhaustion:
    return DescriptorExhaustion(change(LIMIT, **changes), ARRIVING)


def arriving(**changes: object) -> DescriptorExhaustion:
    return DescriptorExhaustion(LIMIT, change(ARRIVING, **changes))


CASES: list[Case] = [
    (claims.node_misc, NODES, CONFIRMED),
    (claims.node_misc, change(NODES, misc_minors={}), REFUTED),
    (claims.node_misc, change(NODES, misc_minors={"binder": 60}), REFUTED),
    (claims.node_misc, change(NODES, misc_majors=(11,)), REFUTED),
    (claims.node_ashmem, Ashmem(None, (), "success"), REFUTED),
    (claims.node_ashmem, Ashmem(58, ("/dev/ashmem",), "success"), CONFIRMED),
    (claims.node_fd_link, LINKS, CONFIRMED),
    (claims.node_fd_link, change(LINKS, while_open=()), REFUTED),
    (claims.node_fd_link, change(LINKS, after=(3,)), REFUTED),
    (claims.node_fd_limit, opening(), CONFIRMED),
    (claims.node_fd_limit, opening(system_refusal=None), CONFIRMED),
    (claims.node_fd_limit, DescriptorExhaustion(LIMIT, None), CONFIRMED),
    (claims.node_fd_limit, opening(refusal="success", opened=33), REFUTED),
    (claims.node_fd_limit, opening(opened=12), REFUTED),
    (claims.node_fd_limit, opening(system_refusal="success"), REFUTED),
    (claims.node_fd_limit, arriving(full_callee="memfd"), REFUTED),
    (claims.node_fd_limit, arriving(full_caller="memfd"), REFUTED),
    (claims.node_fd_limit, arriving(callee_with_room="BR_FAILED_REPLY"), REFUTED),
    (claims.node_ioctl_only, OfferedOperations(OFFERED, ZERO), CONFIRMED),
    (claims.node_ioctl_only, OfferedOperations(ZERO, ZERO), REFUTED),
    (claims.node_ioctl_only, OfferedOperations(change(OFFERED, read="success"), ZERO), REFUTED),
    (claims.node_proc_record, RECORD, CONFIRMED),
    (claims.node_proc_record, change(RECORD, closed=1), REFUTED),
    (claims.node_proc_record, change(RECORD, others_after=0), REFUTED),
    (claims.node_one_per_process, RecordsByFile(("a", "a"), (1, 1), ("a",)), CONFIRMED),
    (claims.node_one_per_process, RecordsByFile(("a", "a"), (1, 2), ("a", "a")), REFUTED),
]


@pytest.mark.parametrize(
    ("claim", "facts", "verdict"),
    [
        ("node.misc", {"binder_devices": ("/dev/binder", "/dev/vndbinder")}, CONFIRMED),
        ("node.misc", {"binder_devices": ("/dev/binder", "/dev/binderfs/binder")}, REFUTED),
        ("node.ashmem", {"kernel_release": "6.12.48+deb12-amd64"}, REFUTED),
        ("node.ashmem", {"kernel_release": "5.17.11"}, None),
        ("node.ashmem", {"kernel_release": "4.9.270", "api_level": 28}, CONFIRMED),
        ("node.ashmem", {"kernel_release": "6.1.75-android14-11", "api_level": 34}, None),
    ],
)
def test_the_expectation_follows_from_the_facts(
    claim: str, facts: dict[str, Any], verdict: Verdict | None
) -> None:
    assert CLAIMS.get(claim).expected_verdict(dataclasses.replace(FACTS, **facts)) is verdict


def test_a_lost_reply_is_unexpected_and_explained() -> None:
    finding = claims.node_fd_limit(arriving(full_caller="no reply"), FACTS)
    assert finding.verdict is CONFIRMED
    assert "the caller waits for ever" in finding.sentence
    assert [name for name, figure in finding.figures.items() if not figure.as_expected] == ["full_caller"]
