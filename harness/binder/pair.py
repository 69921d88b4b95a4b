"""Two processes that talk over one binder device, which is what most experiments need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from harness.agent.process import RemoteProcess
from harness.binder.call import Call, Handler
from harness.binder.endpoint import Binder

Process = TypeVar("Process", bound=RemoteProcess)
Process_co = TypeVar("Process_co", bound=RemoteProcess, covariant=True)


class StartsProcesses(Protocol[Process_co]):
    """As much of a device as a pair needs."""

    def process(self) -> AbstractContextManager[Process_co]:
        """A new process on the device, ended with the context."""
        ...


@dataclass(frozen=True, slots=True)
class Pair(Generic[Process]):
    """A context manager that serves, and a client; the client's handle 0 is the server."""

    server_process: Process
    server: Binder
    client_process: Process
    client: Binder


def reply_nothing(_: Call) -> None:
    """Answers every call with an empty reply."""


@contextmanager
def open_pair(
    device: StartsProcesses[Process],
    path: str,
    handler: Handler = reply_nothing,
    *,
    size: int | None = None,
    threads: int = 1,
) -> Iterator[Pair[Process]]:
    """Start both, let the server answer with `handler`, and end them again.

    `size` is the server's mapping in bytes (by default libbinder's); the device at `path` must have no
    context manager yet (OSError with EBUSY). Raises HandlerError at the end where the handler raised.
    """
    with (
        device.process() as server_process,
        device.process() as client_process,
        Binder.open(server_process, path, size=size) as server,
        Binder.open(client_process, path) as client,
    ):
        server.become_context_manager(extended=True)  # the plain one is sent no file descriptors
        server.serve(handler, threads=threads)
        client.file.targets[0] = server.file
        yield Pair(server_process, server, client_process, client)
