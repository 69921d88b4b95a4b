"""The program on AOSP's libbinder, as experiments use it."""

from __future__ import annotations

import pytest

from emulator.base.errors import HarnessError
from harness.device.device import Device
from harness.experiments.instruments.libbinder_probe import ask_probe, running_probe
from harness.kernel.proc.process import ProcessFiles


def test_it_answers_while_it_runs(device: Device) -> None:
    with running_probe(device, "ping") as probe:
        answer = probe.answer()
        assert (answer["pid"], answer["found"], answer["handle"], answer["ping"]) == (probe.pid, True, 0, 0)
        assert "/dev/binder" in ProcessFiles(device.files, probe.pid).descriptors.values()
    assert not device.files.exists(f"/proc/{probe.pid}")


def test_what_it_refuses_is_said(device: Device) -> None:
    with pytest.raises(HarnessError, match="wrong number of arguments"):
        ask_probe(device, "lookup")


def test_what_it_fails_at_is_said(device: Device) -> None:
    with pytest.raises(HarnessError, match="there is no context manager of /dev/hwbinder"):
        ask_probe(device, "--driver", "/dev/hwbinder", "list")
