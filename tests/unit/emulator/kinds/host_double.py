"""A host whose every command writes the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.base.deadline import Deadline
from emulator.host.host import FinishedCommand
from emulator.host.this_machine import ThisMachine


class Prints(ThisMachine):
    """Runs nothing; keeps the commands that it was to run."""

    def __init__(self, output: str, errors: str = "", programs: Sequence[str] = ()) -> None:
        self._ended = FinishedCommand(0, output, errors)
        self._programs = programs
        self.commands: list[Sequence[str]] = []

    def find(self, program: str) -> str | None:
        return program if program in self._programs else None

    def run(
        self,
        command: Sequence[str],
        *,
        deadline: Deadline,  # noqa: ARG002
        environment: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> FinishedCommand:
        self.commands.append(command)
        return self._ended
