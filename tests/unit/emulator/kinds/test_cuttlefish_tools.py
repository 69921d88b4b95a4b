"""What `cvd status` may print, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from emulator.base.deadline import Deadline
from emulator.base.errors import DeviceLostError
from emulator.host.host import FinishedCommand
from emulator.host.this_machine import ThisMachine
from emulator.kinds.cuttlefish_tools import Cvd


class Prints(ThisMachine):
    """A host whose every command writes the same."""

    def __init__(self, output: str, errors: str = "") -> None:
        self._ended = FinishedCommand(0, output, errors)

    def run(
        self,
        command: Sequence[str],  # noqa: ARG002
        *,
        deadline: Deadline,  # noqa: ARG002
        environment: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> FinishedCommand:
        return self._ended


def cvd(status: object) -> Cvd:
    return Cvd(Prints(json.dumps(status)), None)


def test_an_instance_is_found_by_its_serial_or_its_port() -> None:
    assert cvd([{"adb_serial": "0.0.0.0:6521", "adb_port": 1}]).serial() == "0.0.0.0:6521"
    assert cvd([{"adb_port": 6522}]).serial() == "127.0.0.1:6522"
    assert cvd([{"instance_dir": "/run/it"}]).logs() == "/run/it/logs"


@pytest.mark.parametrize(
    "status", [{"adb_port": 6520}, [3], [], [{"adb_port": 1}, {"adb_port": 2}], "so", None, [["adb_port", 1]]]
)
def test_what_is_not_one_instance_is_shown(status: object) -> None:
    with pytest.raises(DeviceLostError) as lost:
        cvd(status).serial()
    assert f"does not know the device: {json.dumps(status)}" in str(lost.value)


def test_what_is_no_json_is_shown_with_what_went_wrong() -> None:
    with pytest.raises(DeviceLostError, match=r"does not know the device: group\?\nno such group"):
        Cvd(Prints("group?\n", "no such group\n"), None).logs()


@pytest.mark.parametrize("status", [{}, {"adb_port": None}, {"adb_port": "x"}, {"adb_serial": "nowhere"}])
def test_an_instance_without_a_port_or_directory_is_an_error(status: Mapping[str, object]) -> None:
    with pytest.raises(DeviceLostError, match="names no port for adb"):
        cvd([status]).serial()
    with pytest.raises(DeviceLostError, match="names no directory"):
        cvd([status]).logs()
