"""One device with AOSP's framework in Java for all tests, compiled at the first run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.device.device import Device, open_device
from harness.framework.java.process import JavaProcess, open_java

TARGET = "embedded?java=10"


@pytest.fixture(scope="session")
def device() -> Iterator[Device]:
    """A device with Java."""
    with open_device(TARGET) as opened:
        yield opened


@pytest.fixture(scope="session")
def java(device: Device) -> Iterator[JavaProcess]:
    """A process in which AOSP's classes run, for what leaves nothing behind."""
    with open_java(device) as opened:
        yield opened
