"""Verdicts on binderfs and on contexts, over made-up measurements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from harness.experiments.core.claim import CLAIMS
from harness.experiments.core.finding import Verdict
from harness.experiments.node import binderfs_claims as claims
from harness.experiments.node.binderfs import (
    AddedDevice,
    FreshInstance,
    Instances,
    LimitedInstance,
    LongestName,
)
from harness.experiments.node.contexts import Contexts
from tests.support.fake_device import FACTS
from tests.support.verdicts import CONFIRMED, REFUTED, Case

change: Callable[..., Any] = dataclasses.replace

ADDED = AddedDevice(True, (237, 5), (237, 5), (237,), "EEXIST", "success", "EPERM", False)
LIMITED = LimitedInstance(maximum=7, at_mount=3, added=4, refusal="ENOSPC")
INSTANCES = Instances(("success", "success"), "EBUSY")
CONTEXTS = Contexts("EBUSY", 1, True)

CASES: list[Case] = [
    (claims.binderfs_empty, FreshInstance((), True), CONFIRMED),
    (claims.binderfs_empty, FreshInstance(("binder", "hwbinder"), True), REFUTED),
    (claims.binderfs_empty, FreshInstance((), False), REFUTED),
    (claims.binderfs_add, ADDED, CONFIRMED),
    (claims.binderfs_add, change(ADDED, of_file=(237, 6)), REFUTED),
    (claims.binderfs_add, change(ADDED, of_file=None, listed=False), REFUTED),
    (claims.binderfs_add, change(ADDED, majors_of_binder=(10,)), REFUTED),
    (claims.binderfs_unlink, ADDED, CONFIRMED),
    (claims.binderfs_unlink, change(ADDED, removal="EPERM", listed_after_removal=True), REFUTED),
    (claims.binderfs_unlink, change(ADDED, removal_of_control="success"), REFUTED),
    (claims.binderfs_name_length, LongestName(255, 255), REFUTED),
    (claims.binderfs_name_length, LongestName(254, 255), CONFIRMED),
    (claims.binderfs_max, LIMITED, CONFIRMED),
    (claims.binderfs_max, change(LIMITED, at_mount=0, added=7), CONFIRMED),
    (claims.binderfs_max, change(LIMITED, added=7), REFUTED),
    (claims.binderfs_max, change(LIMITED, refusal="success"), REFUTED),
    (claims.binderfs_instances, INSTANCES, CONFIRMED),
    (claims.binderfs_instances, Instances(("success", "EBUSY"), "EBUSY"), REFUTED),
    (claims.binderfs_instances, change(INSTANCES, second_manager="success"), REFUTED),
    (claims.node_own_manager, CONTEXTS, CONFIRMED),
    (claims.node_own_manager, change(CONTEXTS, of_binder="success"), REFUTED),
    (claims.node_own_manager, change(CONTEXTS, received=0), REFUTED),
    (claims.node_own_manager, change(CONTEXTS, ping_of_binder=False), REFUTED),
]


@pytest.mark.parametrize(("kernel", "verdict"), [("5.0", CONFIRMED), ("6.12.48", None)])
def test_a_fresh_instance_may_hold_devices_since_linux_5_4(kernel: str, verdict: Verdict | None) -> None:
    facts = change(FACTS, kernel_release=kernel)
    assert CLAIMS.get("binderfs.empty").expected_verdict(facts) is verdict
