"""Two processes that use one binder device, which is what most experiments need."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from emulator.base.deadline import Deadline
from harness.agent.process import RemoteProcess
from harness.argument_types import checked
from harness.binder.driver.open_file import OPEN_FLAGS
from harness.binder.endpoint import Binder
from harness.binder.serving.call import Call, Handler

SYSTEM_USER = 1000
"""AID_SYSTEM, as which Android's service managers run (private/android_filesystem_config.h, and their .rc
files in frameworks/native/cmds/servicemanager and system/hwservicemanager)."""
RELEASE_SECONDS = 5.0
"""How long the driver may take to release an earlier context manager's closed file."""

Process = TypeVar("Process", bound=RemoteProcess)
Process_co = TypeVar("Process_co", bound=RemoteProcess, covariant=True)


class StartsProcesses(Protocol[Process_co]):
    """What a pair needs of a device."""

    def process(self) -> AbstractContextManager[Process_co]:
        """A new process on the device, ended with the context."""
        ...


@dataclass(frozen=True, slots=True)
class Pair(Generic[Process]):
    """A context manager, and a client whose handle 0 it is."""

    server_process: Process
    server: Binder
    client_process: Process
    client: Binder


def reply_nothing(_: Call) -> None:
    """Answers every call with an empty reply."""


@checked
@contextmanager
def open_ends(
    device: StartsProcesses[Process],
    path: str,
    *,
    size: int | None = None,
    flags: int = OPEN_FLAGS,
    release_seconds: float = RELEASE_SECONDS,
) -> Iterator[Pair[Process]]:
    """Start both, and end them with the block; nobody serves: the caller writes the server's commands.

    `size` is the server's mapping in bytes (by default libbinder's), `flags` are those of open(2) for both.
    TimeLimitError if the device at `path` still has another context manager after `release_seconds`.
    """
    with (
        device.process() as server_process,
        device.process() as client_process,
        Binder.open(server_process, path, size=size, flags=flags) as server,
        Binder.open(client_process, path, flags=flags) as client,
    ):
        _take_over(server, Deadline(release_seconds))
        client.file.targets[0] = server.file
        yield Pair(server_process, server, client_process, client)


@checked
@contextmanager
def open_pair(
    device: StartsProcesses[Process],
    path: str,
    handler: Handler = reply_nothing,
    *,
    size: int | None = None,
    threads: int = 1,
) -> Iterator[Pair[Process]]:
    """Like `open_ends`, but the server answers with `handler` on at most `threads` threads.

    Raises HandlerError at the end if the handler raised.
    """
    with open_ends(device, path, size=size) as pair:
        pair.server.serve(handler, threads=threads)
        yield pair


def _take_over(server: Binder, deadline: Deadline) -> None:
    """Become context manager, even if the previous one has just closed its file, or was Android's own.

    The driver releases a closed file later, from a work queue (binder.c, binder_deferred_release): until
    then the device keeps its old context manager. The user of the first one it keeps until the next boot.
    """
    uid: int | None = None

    def accepted() -> bool:
        nonlocal uid
        try:
            server.become_context_manager(extended=True, uid=uid)  # the plain one accepts no descriptors
        except OSError as error:
            if error.errno == errno.EPERM and uid is None and server.file.process.uid == 0:
                uid = SYSTEM_USER
            elif error.errno != errno.EBUSY:
                raise
            return False
        return True

    deadline.poll(accepted, f"{server.file}: EBUSY, another process is its context manager")
