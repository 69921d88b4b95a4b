"""The program on AOSP's libbinder, as experiments use it."""

from __future__ import annotations

import pytest

from emulator.base.architecture import X86_64
from emulator.base.errors import HarnessError
from emulator.build.userland import binder_userland
from harness.device.device import Device
from harness.experiments.instruments.libbinder_probe import ask_probe, running_probe
from harness.kernel.proc.process import ProcessFiles
from tests.support.elf import segments

PT_LOAD = 1
LARGEST_PAGE = 65536


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


@pytest.mark.parametrize("program", ["libbinder_probe", "activity_standin"])
def test_programs_on_libbinder_fit_pages_of_every_size(program: str) -> None:
    executable = (binder_userland(X86_64) / program).read_bytes()
    assert {align for kind, _, align in segments(executable) if kind == PT_LOAD} == {LARGEST_PAGE}
