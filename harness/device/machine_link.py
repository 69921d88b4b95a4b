"""The link to a machine whose own processes are used, here or over SSH: there is no adb in between."""

from __future__ import annotations

import shlex
from pathlib import Path

from emulator.adb.transfer import ExcessError
from emulator.base.controller import CanRunCommands
from emulator.base.deadline import Deadline
from emulator.base.errors import HarnessError
from harness.agent.stream import CommandProcessStream, ProcessStream
from harness.device.command import receive_all, result_of
from harness.device.link import Surroundings
from harness.device.private_node import NodePlace

COPY_SECONDS = 120.0
"""How long a file may take: a program has a few megabytes, and SSH may be slow."""


class MachineLink:
    """A machine, by its controller."""

    def __init__(self, machine: CanRunCommands) -> None:
        self._machine = machine

    @property
    def surroundings(self) -> Surroundings:
        """The machine's, where Android runs in containers at most."""
        directory = self._machine.directory
        return Surroundings(
            directory=directory,
            binder_devices=self._machine.binder_devices,
            node_place=NodePlace(f"{directory}/node"),
            is_android=False,
            how_to_root=lambda uid, _: f"programs run as user {uid}; {self._machine.how_to_root}",
        )

    def open_shell(self, line: str) -> ProcessStream:
        """Start a command whose streams stay open; closing the stream ends the command's input."""
        return CommandProcessStream(self._machine.start_command(line))

    def push(self, local: Path, remote: str, mode: int) -> None:
        """Copy a file, which takes its place only when it is whole; HarnessError if it does not arrive."""
        partial, place = shlex.quote(f"{remote}.partial"), shlex.quote(remote)
        line = f"cat > {partial} && chmod {mode:o} {partial} && mv -f {partial} {place}"
        result = result_of(self.open_shell(line), line, Deadline(COPY_SECONDS), local.read_bytes())
        if result is None or result.status != 0:
            reason = "it took too long" if result is None else result.errors.strip()
            raise HarnessError(f"{local.name} could not be put at {remote}: {reason}. Free some space there.")

    def pull(self, remote: str, local: Path, largest: int) -> None:
        """Copy a file of at most `largest` bytes; HarnessError where that fails."""
        stream = self.open_shell(f"exec cat {shlex.quote(remote)}")
        try:
            content, status = receive_all(stream, Deadline(COPY_SECONDS), largest)
        except ExcessError as error:
            raise HarnessError(f"{remote} could not be read: {error}.") from error
        if status is None or status.code != 0:
            reason = "it took too long" if status is None else stream.standard_error.strip()
            raise HarnessError(f"{remote} could not be read: {reason}.")
        local.write_bytes(content)

    def reach_again(self) -> bool:
        """Nothing but the machine's own end takes it away."""
        return False
