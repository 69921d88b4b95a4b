"""AOSP's Java on a device of another architecture than this machine's: its natives were cross-compiled."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Iterator

import pytest

from emulator.base.architecture import BY_TARGET_NAME
from harness.device.device import Device, open_device
from harness.framework.intent import Intent
from harness.framework.java.agent import DIRECTORY, OPTIONS
from harness.framework.java.process import open_java

(FOREIGN,) = (name for name, architecture in BY_TARGET_NAME.items() if not architecture.native)
NOTICE = Intent(action="com.example.HELLO", extras={"data": "Notice me senpai!"})


@pytest.fixture(scope="module")
def foreign_device() -> Iterator[Device]:
    with open_device(f"embedded?java=10&arch={FOREIGN}") as opened:
        yield opened


def test_a_broadcast_arrives(foreign_device: Device) -> None:
    assert foreign_device.facts.architecture != platform.machine()
    with open_java(foreign_device) as manager:
        manager.serve_activity_manager()
        with open_java(foreign_device) as sender, open_java(foreign_device) as receiver:
            receiver.register_receiver("com.example.HELLO")
            sender.send_broadcast(NOTICE)
            assert receiver.received().intent == NOTICE


def test_the_class_data_that_was_archived_here_is_used(foreign_device: Device) -> None:
    """A virtual machine starts without it, too, and takes three times as long."""
    command = ["bin/java", *OPTIONS, "-Xlog:class+load", "-version"]
    loaded = foreign_device.shell(f"cd {DIRECTORY} && {shlex.join(command)}")
    assert "java.lang.Object source: shared objects file" in loaded
