"""A machine whose monitor cannot be reached, or whose start is interrupted, leaves nothing running."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from emulator.base.child_program import ChildProgram
from emulator.base.errors import SetupError, TimeLimitError
from emulator.embedded.qemu.running_machine import RunningMachine
from emulator.embedded.qemu.virtio_serial import VirtioPorts


class Unreachable(RunningMachine):
    """Another program instead of QEMU; connecting to its monitor raises `error`."""

    def __init__(self, program: ChildProgram, error: BaseException) -> None:
        super().__init__(program, VirtioPorts(0))

        def connect() -> socket.socket:
            raise error

        self.adb_port = self._attach(connect, 5555)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (RuntimeError("why"), RuntimeError),
        (ConnectionRefusedError("why"), SetupError),
        (TimeLimitError("why"), SetupError),
        (SetupError("why"), SetupError),
    ],
)
def test_it_has_ended_whatever_interrupts_its_start(
    raised: BaseException, expected: type[BaseException], tmp_path: Path
) -> None:
    program = ChildProgram(["sleep", "60"], tmp_path / "log", errors=tmp_path / "errors")
    with program:
        with pytest.raises(expected):
            Unreachable(program, raised)
        assert not program.alive
