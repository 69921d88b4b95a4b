"""What an exploration counts as reached, and as out of reach, is the whole interface."""

from __future__ import annotations

import re

import pytest

from harness.binder.abi.structures import ObjectType
from harness.binder.abi.uapi import BinderCommand, BinderIoctl, BinderReturn
from harness.explore.coverage import Coverage
from harness.model.features import LINUX_6_1, LINUX_6_12, Features
from tests.support.documentation import ROOT

NAMES = [each.name for kind in (BinderCommand, BinderReturn, BinderIoctl, ObjectType) for each in kind]


@pytest.mark.parametrize("features", [LINUX_6_12, LINUX_6_1])
def test_every_name_is_missing_at_first_or_out_of_reach(features: Features) -> None:
    coverage = Coverage(features)
    missing = [name for names in coverage.missing().values() for name in names]
    assert sorted([*missing, *coverage.unreachable]) == sorted(NAMES)


def test_the_page_has_a_row_for_every_name() -> None:
    rows = re.findall(r"^\| `((?:BC|BR|BINDER)_\w+)` \|", (ROOT / "docs/model.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(NAMES)
