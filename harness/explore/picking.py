"""Processes, handles, payloads and commands for a program's next step: mostly sensible, sometimes not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from harness.model.records import Process
from harness.model.steps import READ_SIZE, Binder, Command, Exchange, Handle, Nonsense, Object, Payload
from harness.model.world import World

Item = TypeVar("Item")

PROCESSES = (1, 2, 3)
THREADS = (1, 2)
PTRS = (0x10, 0x20)
"""A process's own nodes; their cookies are derived from the process, so that each node has its own."""
COOKIES = (0x1, 0x2)
"""Of death notifications."""
CODES = (1, 2)
SIZES = (0, 8, 100, 0, 8, 100, 1000, 3000, 3000, 5000, 17000)
"""Bytes of payload: nothing, little, what soon fills a mapping or its half, and what is too large for any."""
READ_SIZES = (*[READ_SIZE] * 6, 0, 0, 4, 100)
MOST_COMMANDS = 3


class Pick(Protocol):
    """Where the choices come from."""

    def one(self, options: Sequence[Item]) -> Item:
        """One of these; the first is the simplest."""
        ...


def chance(pick: Pick, wins: int, of: int) -> bool:
    """Whether one of so many wins."""
    return pick.one([True] * wins + [False] * (of - wins))


def cookie_of(process: int, ptr: int) -> int:
    """The cookie of a process's node."""
    return process << 12 | ptr


def any_process(pick: Pick, world: World) -> Process | None:
    """A process that has the device open; None where none has."""
    return world.processes[pick.one(sorted(world.processes))] if world.processes else None


def any_thread(pick: Pick) -> int:
    """A thread, used before or not."""
    return pick.one(THREADS)


def any_handle(pick: Pick, process: Process) -> int:
    """A handle that the process has, the context manager's, or one that nobody has."""
    known = sorted(process.references)
    return pick.one([*known, 0, *known, 0, 7])


def any_target(pick: Pick, process: Process) -> int:
    """A handle to call: seldom one that cannot be."""
    strong = [each.handle for each in process.references.values() if each.strong]
    return pick.one([0, *strong, 0, *strong, 0, *strong, any_handle(pick, process)])


def any_node(pick: Pick, process: Process) -> tuple[int, int]:
    """A node that the process has, or may make; seldom with a wrong cookie."""
    ptr = pick.one([*sorted(process.nodes), *PTRS])
    cookie = process.nodes[ptr].cookie if ptr in process.nodes else cookie_of(process.number, ptr)
    return ptr, cookie + pick.one((*[0] * 15, 1))


def any_object(pick: Pick, process: Process) -> Object:
    """An object that can be sent, but for one in twelve: of no type, or a handle that may be none."""
    strong = pick.one((True, True, False))
    usable = [each.handle for each in process.references.values() if each.strong or not strong]
    kinds = ["binder"] * 5 + ["handle"] * (6 if usable else 0) + ["any", "nonsense"]
    match pick.one(kinds):
        case "binder":
            return Binder(*any_node(pick, process), strong)
        case "handle":
            return Handle(pick.one(usable), strong)
        case "any":
            return Handle(any_handle(pick, process), strong)
    return Nonsense()


def any_payload(pick: Pick, process: Process) -> Payload:
    """Up to two objects, and some bytes."""
    count = pick.one((0, 0, 1, 1, 2))
    return Payload(pick.one(SIZES), tuple(any_object(pick, process) for _ in range(count)))


def exchange_of(pick: Pick, world: World, make: Callable[[Process], Command]) -> Exchange | None:
    """One to three commands that `make` gives for a process, and a read."""
    process = any_process(pick, world)
    if process is None:
        return None
    thread = any_thread(pick)
    made = tuple(make(process) for _ in range(pick.one((1, 1, 2, MOST_COMMANDS))))
    return Exchange(process.number, thread, made, pick.one(READ_SIZES))
