"""What an exploration has driven: commands by the state they met, and the codes of the kernel's interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import IntEnum

from harness.binder.abi.commands import Command as PlainCommand
from harness.binder.abi.structures import ObjectType
from harness.binder.abi.uapi import BinderCommand, BinderIoctl, BinderReturn
from harness.model import references
from harness.model.features import LINUX_6_12, Features
from harness.model.records import IN_POOL
from harness.model.steps import (
    Binder,
    Command,
    Control,
    Descriptor,
    DescriptorArray,
    Exchange,
    Free,
    Handle,
    Object,
    Outcome,
    Pointer,
    Reply,
    Step,
    Transact,
    Unsupported,
)
from harness.model.world import World

NEVER_SENT = {
    BinderReturn.BR_OK: "no driver sends it",
    BinderReturn.BR_ERROR: "sent when the kernel has no memory for a death notification",
    BinderReturn.BR_ACQUIRE_RESULT: "no driver sends it",
    BinderReturn.BR_ATTEMPT_ACQUIRE: "no driver sends it",
    BinderReturn.BR_FINISHED: "no driver sends it",
}
"""Returns that no program can receive; drivers/android/binder.c, Linux 6.12."""
OF_FREEZING = (
    BinderCommand.BC_REQUEST_FREEZE_NOTIFICATION,
    BinderCommand.BC_CLEAR_FREEZE_NOTIFICATION,
    BinderCommand.BC_FREEZE_NOTIFICATION_DONE,
    BinderReturn.BR_FROZEN_BINDER,
    BinderReturn.BR_CLEAR_FREEZE_NOTIFICATION_DONE,
)


def unreachable(features: Features) -> dict[str, str]:
    """The names of the kernel's interface that no program reaches on a driver, with the reason."""
    found = {each.name: why for each, why in NEVER_SENT.items()}
    if not features.notifies_of_freezing:
        found |= {each.name: "this driver does not know it" for each in OF_FREEZING}
    if not features.reports_pending:
        found[BinderReturn.BR_TRANSACTION_PENDING_FROZEN.name] = "this driver sends BR_TRANSACTION_COMPLETE"
    if features.security_context < 0:
        found[BinderReturn.BR_TRANSACTION_SEC_CTX.name] = "no security module gives a context"
    return found


class Coverage:
    """Counts of what was driven and received."""

    def __init__(self, features: Features = LINUX_6_12) -> None:
        self.unreachable = unreachable(features)
        """What no program reaches on this driver, with the reason."""
        self.commands: Counter[str] = Counter()
        self.returns: Counter[str] = Counter()
        self.ioctls: Counter[str] = Counter()
        self.objects: Counter[str] = Counter()
        self.pairs: set[tuple[str, str]] = set()
        """Commands with the state that they met."""

    def before(self, world: World, step: Step) -> None:
        """Count what a step is about to do."""
        match step:
            case Exchange():
                self.ioctls[BinderIoctl.BINDER_WRITE_READ.name] += 1
                for command in step.commands:
                    name = name_of(command)
                    self.commands[name] += 1
                    self.pairs.add((name, state_of(world, step, command)))
                    if isinstance(command, Transact | Reply):
                        self.objects.update(_type(each) for each in command.payload.objects)
            case Control():
                self.ioctls[step.ioctl.name] += 1
                self.pairs.add((step.ioctl.name, _thread_state(world, step.process, step.thread)))

    def after(self, outcome: Outcome) -> None:
        """Count what a step returned."""
        self.returns.update(each.TAG.name for each in outcome.returns)

    def missing(self) -> dict[str, list[str]]:
        """The names of the kernel's interface that were not reached, by kind; without what cannot be."""
        kinds: dict[str, tuple[Iterable[IntEnum], Counter[str]]] = {
            "commands": (BinderCommand, self.commands),
            "returns": (BinderReturn, self.returns),
            "ioctls": (BinderIoctl, self.ioctls),
            "objects": (ObjectType, self.objects),
        }
        return {
            kind: [each.name for each in names if each.name not in seen and each.name not in self.unreachable]
            for kind, (names, seen) in kinds.items()
        }


def name_of(command: Command) -> str:
    """The kernel's name of a command."""
    match command:
        case Transact():
            scattered = command.payload.is_scattered
            return (BinderCommand.BC_TRANSACTION_SG if scattered else BinderCommand.BC_TRANSACTION).name
        case Reply():
            scattered = command.payload.is_scattered
            return (BinderCommand.BC_REPLY_SG if scattered else BinderCommand.BC_REPLY).name
        case Free():
            return BinderCommand.BC_FREE_BUFFER.name
        case Unsupported(code):
            known = {int(each): each.name for each in BinderCommand}
            return known.get(code, "unknown")
        case PlainCommand():
            return command.TAG.name


def _type(sent: Object) -> str:
    match sent:
        case Binder(strong=strong):
            return (ObjectType.BINDER_TYPE_BINDER if strong else ObjectType.BINDER_TYPE_WEAK_BINDER).name
        case Handle(strong=strong):
            return (ObjectType.BINDER_TYPE_HANDLE if strong else ObjectType.BINDER_TYPE_WEAK_HANDLE).name
        case Descriptor():
            return ObjectType.BINDER_TYPE_FD.name
        case Pointer():
            return ObjectType.BINDER_TYPE_PTR.name
        case DescriptorArray():
            return ObjectType.BINDER_TYPE_FDA.name
    return "none"


def state_of(world: World, step: Exchange, command: Command) -> str:
    """The state that a command meets: of the thread, and of what its handle or buffer is."""
    found = _thread_state(world, step.process, step.thread)
    process = world.processes[step.process]
    handle = getattr(command, "handle", None)
    if isinstance(handle, int):
        reference = references.find(process, handle, strong=False)
        if reference is None:
            return f"{found}, no handle"
        owner = reference.node.process
        if owner is None or owner.frozen:
            kind = "dead" if owner is None else "frozen"
        else:
            kind = "strong" if reference.strong else "weak"
        return f"{found}, {kind} handle" + (", death requested" if reference.death else "")
    if isinstance(command, Free):
        known = [each for each in process.mapping.used if each.offset == command.offset]
        if not known:
            return f"{found}, no buffer"
        return f"{found}, {'delivered' if known[0].may_be_freed else 'undelivered'} buffer"
    return found


def _thread_state(world: World, process: int, number: int) -> str:
    thread = world.processes[process].threads.get(number)
    if thread is None:
        return "new thread"
    pool = "in the pool" if thread.looper & IN_POOL else "free"
    if thread.stack is None:
        return f"{pool}, idle" + (", with work" if thread.todo else "")
    return f"{pool}, handling" if thread.stack.handler is thread else f"{pool}, waiting"
