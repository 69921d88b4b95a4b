"""Why an experiment broke off: what the device lacks or refuses, or something else."""

from __future__ import annotations

import dataclasses
import errno
import os

import pytest

from emulator.base.errors import FacilityMissingError, HarnessError
from harness.device.facts import Facts, Need
from harness.experiments.core.denial import facility_behind
from harness.experiments.instruments.node_files import free_node
from tests.support.fake_device import FACTS

UNROOTED = dataclasses.replace(
    FACTS,
    root=False,
    free_binder_device=None,
    reasons={Need.ROOT: "adb's shell runs as user 2000", Need.FREE_BINDER: "/dev/binder is taken"},
)


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/proc/devices")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_refusal_is_for_want_of_root(number: int) -> None:
    behind = HarnessError("the outcome")
    behind.__cause__ = refused(number)
    for error in (refused(number), behind):
        reason = str(facility_behind(error, UNROOTED))
        assert reason.startswith(f"/proc/devices: {os.strerror(number)}; it needs root: adb's shell runs as")


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (refused(errno.EACCES), FACTS),  # to root, it is no lack of root
        (refused(errno.ENOENT), UNROOTED),
        (AssertionError(), UNROOTED),
        (refused(errno.EACCES), None),
    ],
)
def test_anything_else_is_a_mistake(error: Exception, facts: Facts | None) -> None:
    assert facility_behind(error, facts) is None


def test_a_missing_facility_is_itself() -> None:
    with pytest.raises(FacilityMissingError, match="/dev/binder is taken") as missing:
        free_node(UNROOTED)
    assert facility_behind(missing.value, UNROOTED) is missing.value
