"""Threads that wait, and what wakes them: one command at a time, which gives others no further work."""

from __future__ import annotations

from harness.binder.abi.structures import TransactionFlag
from harness.explore.choosing.picking import CODES, THREADS, Pick, chance, targets
from harness.model.records import Process
from harness.model.steps import READ_SIZE, Command, Exchange, Interrupt, Payload, Reply, Step, Transact
from harness.model.world import World

SIZES = (0, 100, 3000)
"""Bytes of payload; objects would give their owners work, and so wake others at another moment."""


def waiting(pick: Pick, world: World) -> Step | None:
    """Threads that wait for calls and replies, calls and replies that wake them, and signals."""
    free = [
        (process, number)
        for process in world.processes.values()
        for number in THREADS
        if (process.number, number) not in world.waits
    ]
    if world.waits and (not free or chance(pick, 1, 4)):
        return Interrupt(*pick.one(sorted(world.waits)))
    if not free:
        return None
    owing = [each for each in free if _owes(*each)]
    process, number = pick.one(owing) if owing and chance(pick, 2, 3) else pick.one(free)
    commands = _command(pick, world, process, owes=_owes(process, number))
    return Exchange(process.number, number, commands, READ_SIZE, waits=not world.waits or chance(pick, 1, 3))


def _owes(process: Process, number: int) -> bool:
    """Whether the thread handles a call."""
    thread = process.threads.get(number)
    return thread is not None and thread.stack is not None and thread.stack.handler is thread


def _command(pick: Pick, world: World, process: Process, *, owes: bool) -> tuple[Command, ...]:
    payload = Payload(pick.one(SIZES))
    if owes and chance(pick, 3, 4):
        return (Reply(pick.one(CODES), 0, payload),)
    known = targets(world, process)
    if not known or chance(pick, 1, 3):
        return ()
    flags = pick.one((0, int(TransactionFlag.TF_ONE_WAY)))
    return (Transact(pick.one(known), pick.one(CODES), flags, payload),)
