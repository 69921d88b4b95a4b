"""A snapshot whose list of waiting programs is damaged is one that does not restore."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from emulator.embedded.qemu.machine import Machine
from emulator.embedded.qemu.virtio_serial import VirtioPorts
from emulator.embedded.snapshot import UnusableSnapshotError, _adopt

PROGRAM = {"arguments": ["/bin/true"], "port": 0, "boundary": "00", "output": ""}


@pytest.mark.parametrize(
    "waiting",
    [
        "",
        "{",
        "7",
        "[7]",
        "[{}]",
        json.dumps([PROGRAM | {"port": 9}]),
        json.dumps([PROGRAM, PROGRAM]),
        json.dumps([PROGRAM | {"boundary": "x"}]),
        json.dumps([PROGRAM | {"arguments": 7}]),
        json.dumps([PROGRAM | {"port": "0"}]),
    ],
)
def test_a_damaged_list_of_waiting_programs(tmp_path: Path, waiting: str) -> None:
    (tmp_path / "waiting.json").write_text(waiting)
    with contextlib.closing(VirtioPorts(2)) as ports, ports.inheritable():
        machine = cast(Machine, SimpleNamespace(ports=ports))
        with pytest.raises(UnusableSnapshotError, match=r"waiting\.json does not list the programs"):
            _adopt(machine, tmp_path / "waiting.json")
