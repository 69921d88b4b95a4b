"""How Cuttlefish's own connection to adb is treated."""

from __future__ import annotations

import contextlib

import pytest

from emulator.adb.client import GONE
from emulator.base.deadline import Deadline
from emulator.base.errors import SetupError, UsageError
from emulator.base.progress import reporting_to
from emulator.kinds.cuttlefish.kind import START_SECONDS, listed_serial, outlast_connector, take_number
from emulator.target import parse_target
from tests.unit.emulator.kinds.host_double import Prints

SERIALS = ["127.0.0.1:6520", "0.0.0.0:6520"]


def test_the_address_that_adb_lists_is_used() -> None:
    listed = {"0.0.0.0:6520": "device"}
    assert listed_serial(SERIALS, lambda serial: listed.get(serial, GONE)) == "0.0.0.0:6520"
    assert listed_serial(SERIALS, lambda _: GONE) == "127.0.0.1:6520"


@pytest.mark.parametrize("states", [[True, True, False], [True]])
def test_its_connector_may_lose_the_device_once(states: list[bool]) -> None:
    connected: list[Deadline] = []
    lines: list[str] = []

    def alive() -> bool:
        return states.pop(0) if len(states) > 1 else states[0]

    lost = not states[-1]
    with reporting_to(lines.append):
        outlast_connector(alive, connected.append, Deadline(10.0), notices_within=0.5)
    assert len(connected) == 1  # it waits until adb reaches the device in either case
    assert bool(lines) is lost


@pytest.mark.parametrize("path", ["relative", "~/images", ""])
def test_a_directory_is_absolute(path: str) -> None:
    with pytest.raises(UsageError, match="takes an absolute path"):
        parse_target(f"cuttlefish?host_path={path}")


def test_cuttlefish_may_give_up_by_itself() -> None:
    assert START_SECONDS > 600.0  # run_cvd's, whose message says why


def test_an_instance_without_interfaces_is_refused() -> None:
    taps = "groups user\n" + "\n".join(f"interface cvd-mtap-{number:02}" for number in range(1, 11))
    with (
        contextlib.ExitStack() as resources,
        pytest.raises(SetupError, match=r"instance 12 has no network interfaces: .* 1 to 10\. .*num_cvd_acc"),
    ):
        take_number(Prints(taps), 12, resources)
