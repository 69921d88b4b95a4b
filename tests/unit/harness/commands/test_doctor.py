"""What `doctor` shows of this machine and of a device."""

from __future__ import annotations

import pytest

from emulator.kinds.doctor import Check
from harness.commands import text
from harness.commands.devices.doctor import _lacking, _show_checks
from harness.device.facts import Facts, Need


def test_what_is_not_needed_may_be_absent(capsys: pytest.CaptureFixture[str]) -> None:
    _show_checks(
        [
            Check("qemu", True, "runs it"),
            Check("cuttlefish", True, "there are no host tools", present=False),
            Check("make", False, "builds it", "apt-get install make"),
        ]
    )
    assert capsys.readouterr().out.splitlines() == [
        "ok       qemu: runs it",
        "absent   cuttlefish: there are no host tools",
        "MISSING  make: builds it",
        "         to fix it: apt-get install make",
    ]


def test_on_a_terminal_a_check_is_as_wide_as_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "columns", lambda: 40)
    _show_checks([Check("kvm", True, "/dev/kvm can be opened; a trial shows whether it serves")])
    assert capsys.readouterr().out.splitlines() == [
        "ok       kvm: /dev/kvm can be opened; a",
        "         trial shows whether it serves",
    ]


def test_a_reason_of_several_needs_is_shown_once() -> None:
    reasons: dict[str, str] = dict.fromkeys((Need.SERVICE_MANAGER, Need.FRAMEWORK), "no reply within 3 s.")
    facts = Facts(
        architecture="x86_64",
        page_size=4096,
        kernel_release="6.12",
        processors=2,
        memory_bytes=1,
        reasons=reasons,
    )
    lines = [line for line in _lacking(facts) if "no reply" in line]
    assert lines == [
        "any claim or test that needs a running servicemanager or Android's framework: no reply within 3 s. "
        "It can be tested on any Android device; an Android emulator, Cuttlefish or a phone."
    ]
