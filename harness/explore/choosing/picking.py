"""Processes, handles, payloads and commands for a program's next step: mostly sensible, sometimes not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from harness.binder.abi.structures import FlatBinderFlag
from harness.model.records import Process
from harness.model.steps import (
    READ_SIZE,
    Binder,
    Command,
    Descriptor,
    DescriptorArray,
    Exchange,
    Handle,
    Nonsense,
    Object,
    Payload,
    Pointer,
)
from harness.model.world import World

Item = TypeVar("Item")

PROCESSES = (1, 2, 3)
THREADS = (1, 2)
PTRS = (0x10, 0x20)
"""A process's own nodes; their cookies are derived from the process, so that each node has its own."""
COOKIES = (0x1, 0x2)
"""Of death notifications."""
CODES = (1, 2)
SIZES = (0, 8, 100, 0, 8, 100, 1000, 3000, 5000, 9000, 17000)
"""Bytes of payload: nothing, little, what soon fills a mapping or its half, and what is too large for any."""
READ_SIZES = (*[READ_SIZE] * 6, 0, 0, 4, 100)
MOST_COMMANDS = 3
ACCEPTS = int(FlatBinderFlag.FLAT_BINDER_FLAG_ACCEPTS_FDS)
NODE_FLAGS = (*[ACCEPTS] * 4, *[ACCEPTS | int(FlatBinderFlag.FLAT_BINDER_FLAG_TXN_SECURITY_CTX)] * 2, 0)
"""Of nodes: what most take, with security contexts, and without descriptors."""


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


def targets(world: World, process: Process) -> list[int]:
    """The handles that a process may call."""
    manager = world.context.manager
    by_all = [0] if manager is not None and manager.process is not process else []
    return by_all + [
        each.handle for each in process.references.values() if each.strong and each.node.process is not None
    ]


def any_caller(pick: Pick, world: World) -> Process | None:
    """A process that may call somebody; one time in eight, any."""
    callers = [each for each in world.processes.values() if targets(world, each)]
    return pick.one(callers) if callers and chance(pick, 7, 8) else any_process(pick, world)


def any_target(pick: Pick, world: World, process: Process) -> int:
    """A handle to call; one time in eight, one that may not be called."""
    known = targets(world, process)
    return pick.one(known) if known and chance(pick, 7, 8) else any_handle(pick, process)


def any_holder(pick: Pick, world: World) -> Process | None:
    """A process that holds delivered buffers, the more the likelier; one time in four, any."""
    holders = [
        each for each in world.processes.values() for buffer in each.mapping.used if buffer.may_be_freed
    ]
    return pick.one(holders) if holders and chance(pick, 3, 4) else any_process(pick, world)


def any_mourner(pick: Pick, world: World) -> Process | None:
    """A process that has been told of a death, or asked to be, or could be; one time in four, any."""
    told = [each for each in world.processes.values() if each.delivered_deaths.entries]
    asking = [
        each for each in world.processes.values() if any(other.death for other in each.references.values())
    ]
    able = [each for each in world.processes.values() if each.references]
    mourners = told * 4 + asking * 2 + able
    return pick.one(mourners) if mourners and chance(pick, 3, 4) else any_process(pick, world)


def any_watcher(pick: Pick, world: World) -> Process | None:
    """A process that is to be told of freezing, or could be; one time in four, any."""
    told = [each for each in world.processes.values() if each.delivered_freezes.entries]
    able = [each for each in world.processes.values() if each.references]
    watchers = told * 4 + able
    return pick.one(watchers) if watchers and chance(pick, 3, 4) else any_process(pick, world)


def any_frozen(pick: Pick, world: World) -> int:
    """The number of a process to freeze, thaw or ask about: mostly one that others watch."""
    watched = [
        each.node.process.number
        for process in world.processes.values()
        for each in process.references.values()
        if each.freeze is not None and each.node.process is not None
    ]
    return pick.one(watched) if watched and chance(pick, 3, 4) else pick.one(PROCESSES)


def receiver_of(world: World, process: Process, handle: int) -> Process | None:
    """Whom a call to a handle would reach."""
    reference = process.references.get(handle)
    node = world.context.manager if handle == 0 else reference.node if reference is not None else None
    return node.process if node is not None else None


def any_node(pick: Pick, process: Process) -> tuple[int, int]:
    """A node that the process has, or may make; seldom with a wrong cookie."""
    ptr = pick.one([*sorted(process.nodes), *PTRS])
    cookie = process.nodes[ptr].cookie if ptr in process.nodes else cookie_of(process.number, ptr)
    return ptr, cookie + pick.one((*[0] * 15, 1))


def any_object(pick: Pick, process: Process) -> Object:
    """An object that can be sent; seldom one of no type, or a handle that may be none."""
    strong = pick.one((True, False))
    usable = [each.handle for each in process.references.values() if each.strong or not strong]
    kinds = (
        ["binder"] * 12
        + ["handle"] * (20 if usable else 0)
        + ["descriptor"] * 3
        + ["pointer"] * 3
        + ["any", "nonsense"]
    )
    match pick.one(kinds):
        case "binder":
            return Binder(*any_node(pick, process), strong, pick.one(NODE_FLAGS))
        case "handle":
            return Handle(pick.one(usable), strong)
        case "descriptor":
            return Descriptor(chance(pick, 7, 8))
        case "pointer":
            return Pointer(pick.one((8, 0, 20, 1000)))
        case "any":
            return Handle(any_handle(pick, process), strong)
    return Nonsense()


def any_family(pick: Pick) -> tuple[Object, ...]:
    """Memory, and what is placed in it: mostly in an order that the driver accepts."""
    first: tuple[Object, ...] = (Pointer(8),) if chance(pick, 7, 8) else ()
    family: list[Object] = [*first, Pointer(pick.one((24, 8, 1000)))]
    free = 0
    for _ in range(pick.one((1, 1, 2))):
        parent = pick.one((*[len(first)] * 4, len(family) - 1, 0))
        place = pick.one((*[free] * 6, 0, 4, 2, 2, 2, 1000))
        if pick.one((True, False)):
            family.append(Pointer(pick.one((8, 20, 0)), None, parent, place))
            free = place + 8
        else:
            count = pick.one((1, 2, 0, 3))
            family.append(DescriptorArray(count, parent, place, chance(pick, 7, 8)))
            free = place + 4 * count
    return tuple(family)


def any_payload(pick: Pick, process: Process, receiver: Process | None, *, one_way: bool = False) -> Payload:
    """Up to two objects, and some bytes: mostly what fits, sometimes what just fits, seldom what does not."""
    if chance(pick, 1, 10):
        objects = any_family(pick)
    else:
        objects = tuple(any_object(pick, process) for _ in range(pick.one((0, 0, 1, 1, 2))))
    sizes: tuple[int, ...] = SIZES
    if receiver is not None:
        free = {each.size for each in receiver.mapping.buffers if each.free}
        rooms = free | {receiver.mapping.one_way_space} if one_way else free
        least = Payload(0, objects)
        taken = least.data_size + least.offsets_size + least.extra_size
        exact = [room - taken for room in sorted(rooms) if room >= taken]
        fitting = tuple(size for size in SIZES if size <= max(exact, default=0))
        # Of several free pieces, which one is taken shows in sizes that fit one of them.
        if exact and chance(pick, 1, 2 if len(free) > 1 else 6):
            sizes = tuple(size for room in exact for size in (room, room - 100, room + 1) if size >= 0)
        elif fitting and chance(pick, 3, 4):
            sizes = fitting
    missing = 8 if Payload(0, objects).extra_size and chance(pick, 1, 8) else 0
    return Payload(pick.one(sizes), objects, missing)


def exchange_of(
    pick: Pick,
    world: World,
    make: Callable[[Process], Command],
    who: Callable[[Pick, World], Process | None] = any_process,
) -> Exchange | None:
    """One to three commands that `make` gives for a process, and a read."""
    process = who(pick, world)
    if process is None:
        return None
    made = tuple(make(process) for _ in range(pick.one((1, 1, 2, MOST_COMMANDS))))
    return Exchange(process.number, any_thread(pick), made, pick.one(READ_SIZES), chance(pick, 1, 30))
