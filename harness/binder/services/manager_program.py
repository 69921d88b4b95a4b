"""A service manager's program, started on a binder device that nobody manages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from emulator.base.deadline import Deadline
from harness.agent.program import RemoteProgram
from harness.binder.endpoint import Binder
from harness.binder.errors import DeadObjectError
from harness.binder.pair import Process_co, StartsProcesses
from harness.binder.services.service_manager import ServiceManager

PROGRAM_IN_C = "/system/bin/servicemanager10"
"""Android 10's, which the embedded device has in any case."""
START_SECONDS = 10.0


class StartsPrograms(StartsProcesses[Process_co], Protocol[Process_co]):
    """What this needs of a device."""

    def program(self, command: Sequence[str]) -> RemoteProgram:
        """Start a program that waits until it is resumed."""
        ...


@dataclass(frozen=True, slots=True)
class HeldManager:
    """A service manager that has not begun yet, and a client of the device that it is to manage."""

    program: RemoteProgram
    client: Binder

    def begin(self) -> ServiceManager:
        """Let it begin, and wait until it is context manager; TimeLimitError after 10 s."""
        self.program.resume()
        manager = ServiceManager(self.client)
        awaited = f"{self.program} as context manager of {self.client.file.path}"
        Deadline(START_SECONDS).poll(lambda: answers(manager), awaited)
        return manager


@contextmanager
def held_manager(device: StartsPrograms[Process_co], program: str, node: str) -> Iterator[HeldManager]:
    """Start a service manager's program on the binder device `node`, held before its beginning, and end it.

    TimeLimitError where another one still manages that after 10 s: a service manager that finds another one
    there does not end, but waits for ever (Android 11).
    """
    with device.process() as process, Binder.open(process, node) as client:
        Deadline(START_SECONDS).poll(
            lambda: not answers(ServiceManager(client)), f"{node}: the end of an earlier context manager"
        )
        with device.program([program, node]) as started:
            yield HeldManager(started, client)


def answers(manager: ServiceManager) -> bool:
    """Whether there is a context manager that answers a ping."""
    try:
        manager.ping()
    except DeadObjectError:
        return False
    return True
