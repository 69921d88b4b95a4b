"""One process of the fake driver, and its Binder."""

from __future__ import annotations

import pytest

from harness.binder.endpoint import Binder
from tests.support.fake_driver import (
    FakeProcess,
)


@pytest.fixture
def process() -> FakeProcess:
    return FakeProcess()


@pytest.fixture
def binder(process: FakeProcess) -> Binder:
    return Binder(process.file())
