"""A machine whose monitor cannot be reached, or whose start is broken off: nothing of it stays."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from emulator.base.child_program import ChildProgram
from emulator.base.errors import SetupError, TimeLimitError
from emulator.embedded.qemu.channel import Ports
from emulator.embedded.qemu.running_machine import RunningMachine


class Unreachable(RunningMachine):
    """A program in the place of a QEMU; reaching its monitor raises `error`."""

    def __init__(self, program: ChildProgram, error: BaseException) -> None:
        super().__init__(program, Ports(0))

        def connect() -> socket.socket:
            raise error

        self.adb_port = self._attach(connect, 5555)


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (RuntimeError("why"), RuntimeError),
        (ConnectionRefusedError("why"), SetupError),
        (TimeLimitError("why"), SetupError),
        (SetupError("why"), SetupError),
    ],
)
def test_it_has_ended_whatever_breaks_its_start_off(
    raised: BaseException, told: type[BaseException], tmp_path: Path
) -> None:
    program = ChildProgram(["sleep", "60"], tmp_path / "log", errors=tmp_path / "errors")
    with program:
        with pytest.raises(told):
            Unreachable(program, raised)
        assert not program.alive
