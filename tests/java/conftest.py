"""A device with each release of AOSP's framework in Java for all tests, compiled at the first run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.build.java.release import JAVA_RELEASES
from harness.device.device import Device, open_device
from harness.framework.java.process import JavaProcess, open_java


@pytest.fixture(scope="session", params=JAVA_RELEASES)
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device with Java of one release after the other."""
    with open_device(f"embedded?java={request.param}") as opened:
        yield opened


@pytest.fixture(scope="session")
def java(device: Device) -> Iterator[JavaProcess]:
    """A process in which AOSP's classes run, for what leaves nothing behind."""
    with open_java(device) as opened:
        yield opened
