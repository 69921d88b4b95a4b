"""Mutants of the model: each bends one rule. What follows is what a driver with such a fault would do."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.binder.abi.uapi import BinderReturn
from harness.explore.choosing.rules import RULES
from harness.model import (
    controls,
    exits,
    failures,
    nodes,
    reading,
    records,
    references,
    transactions,
    views,
    world,
    writing,
)
from harness.model.notifications import deaths, freezes
from harness.model.payloads import buffers, fixups, translation
from harness.model.records import (
    Death,
    DeathState,
    Freeze,
    Looper,
    Mapping,
    Node,
    Process,
    Reference,
    Thread,
    Transaction,
)
from harness.model.steps import Descriptor, Handle, Pointer
from harness.model.work import Queue

SENDING = ("opening", "reads", "calls", "oneway")


@dataclass(frozen=True)
class Mutant:
    """One bent rule."""

    name: str
    owner: Any
    attribute: str
    bend: Callable[[Any], Any]
    """Makes the bent function of the right one."""
    rules: tuple[str, ...] = tuple(RULES)
    """Those of `explore --rules` that search for it: what seldom shows is searched by what concerns it."""


def constant(value: object) -> Callable[[Any], Any]:
    return lambda _: lambda *_, **__: value


def after(then: Callable[..., None]) -> Callable[[Any], Any]:
    """The right function, and then this."""

    def bend(right: Any) -> Any:
        def bent(*arguments: Any, **named: Any) -> Any:
            result = right(*arguments, **named)
            then(*arguments, **named)
            return result

        return bent

    return bend


def with_named(**changed: object) -> Callable[[Any], Any]:
    """The right function with other arguments by name."""
    return lambda right: lambda *arguments, **named: right(*arguments, **{**named, **changed})


def weak_count_kept(reference: Reference, *, strong: bool) -> None:
    if not strong and reference.handle in reference.process.references:
        reference.weak += 1


def not_dropped(right: Any) -> Any:
    def bent(node: Node, *, strong: bool, internal: bool) -> None:
        if strong and not internal:
            return
        right(node, strong=strong, internal=internal)

    return bent


def owner_not_told(right: Any) -> Any:
    def bent(node: Node, *, strong: bool, internal: bool, todo: Queue | None) -> Any:
        if todo is not None and strong:
            node.internal_strong += internal
            return 0
        return right(node, strong=strong, internal=internal, todo=todo)

    return bent


def freed_twice(right: Any) -> Any:
    def bent(mapping: Mapping, offset: int) -> Any:
        found = right(mapping, offset)
        if found is not None:
            found.may_be_freed = True
        return found or next((each for each in mapping.used if each.offset == offset), None)

    return bent


def unjoined(right: Any) -> Any:
    def bent(mapping: Mapping, buffer: Any) -> None:
        if buffer.one_way:
            mapping.one_way_space += buffer.size
        buffer.free = True

    del right
    return bent


def first_fit(mapping: Mapping, size: int) -> Any:
    return [each for each in mapping.buffers if each.free and each.size >= size][:1]


def one_way_space_kept(mapping: Mapping, buffer: Any) -> None:
    if buffer.one_way:
        mapping.one_way_space -= buffer.size


def death_delivered_again(thread: Thread, cookie: int) -> None:
    del cookie
    for death in thread.process.delivered_deaths.entries[:1]:
        death.dequeue()
        thread.process.todo.add(death)


def told_twice(node: Node) -> None:
    for reference in node.references:
        if reference.death is not None:
            again = Death(reference.death.cookie)
            again.state = DeathState.DEAD
            reference.process.todo.add(again)


def not_in_order(right: Any) -> Any:
    def bent(thread: Thread, transaction: Transaction, node: Node, *rest: Any) -> None:
        node.in_one_way = False
        right(thread, transaction, node, *rest)

    return bent


def any_thread_called_back(right: Any) -> Any:
    def bent(thread: Thread, target: Process) -> None:
        right(thread, target)

    return bent


def two_calls_at_once(right: Any) -> Any:
    def bent(thread: Thread, target: Process) -> Any:
        try:
            return right(thread, target)
        except transactions._UndeliveredError:
            return None

    return bent


def error_code(code: BinderReturn) -> Callable[[Any], Any]:
    return lambda right: lambda call, _: right(call, code)


def handle_weak_enough(right: Any) -> Any:
    def bent(process: Process, handle: int, *, strong: bool) -> Any:
        del strong
        return right(process, handle, strong=False)

    return bent


def strength_lost(right: Any) -> Any:
    def bent(*arguments: Any) -> Any:
        found = right(*arguments)
        return Handle(found.handle, True, found.flags) if hasattr(found, "handle") else found

    return bent


def write_goes_on(right: Any) -> Any:
    def bent(thread: Thread, commands: Any) -> Any:
        error = consumed = 0
        for command in commands:
            error, size = right(thread, (command,))
            consumed += size
            thread.return_error.code = BinderReturn.BR_OK
        return error, consumed

    return bent


def free_any(thread: Thread, offset: int) -> None:
    for buffer in thread.process.mapping.used:
        if buffer.offset == offset:
            buffer.may_be_freed = True
    RIGHT_FREE(thread, offset)


RIGHT_FREE = transactions.free_buffer


def without_objects(right: Any) -> Any:
    def bent(process: Process, buffer: Any) -> None:
        buffer.objects = []
        right(process, buffer)

    return bent


def any_cookie(right: Any) -> Any:
    def bent(thread: Thread, handle: int, cookie: int) -> None:
        found = thread.process.references.get(handle)
        right(thread, handle, found.death.cookie if found and found.death else cookie)

    return bent


def only_of_living(right: Any) -> Any:
    def bent(process: Process, handle: int, cookie: int) -> None:
        found = process.references.get(handle)
        if found is not None and found.node.process is not None:
            right(process, handle, cookie)

    return bent


def without_first(right: Any) -> Any:
    def bent(thread: Thread, *, takes_any: bool) -> bool:
        needed, thread.need_return = thread.need_return, False
        found = right(thread, takes_any=takes_any)
        thread.need_return = needed
        return bool(found)

    return bent


def registers(thread: Thread) -> None:
    thread.looper |= Looper.REGISTERED


def always_manager(right: Any) -> Any:
    def bent(process: Process, *arguments: int) -> int:
        process.context.manager = None
        return int(right(process, *arguments))

    return bent


def other_errno(right: Any) -> Any:
    return lambda *arguments: -errno.EPERM if right(*arguments) == -errno.EBUSY else 0


def never_frozen(right: Any) -> Any:
    def bent(target: Process | None, *, enable: bool) -> int:
        result = int(right(target, enable=enable))
        if target is not None:
            target.frozen = False
        return result

    return bent


def silent_end(right: Any) -> Any:
    def bent(thread: Thread) -> None:
        if thread.stack is not None and thread.stack.handler is thread:
            thread.stack.caller = None
        right(thread)

    return bent


def drop_dead(node: Node) -> None:
    for reference in list(node.references):
        references.remove(reference)


def keeps_handles(right: Any) -> Any:
    def bent(process: Process) -> None:
        process.references.clear()
        right(process)

    return bent


def from_two(process: Process, node: Node) -> int:
    del node
    return 2 + len(process.references)


def from_zero(process: Process, node: Node) -> int:
    del node
    return next(each for each in range(99) if each not in process.references)


def node_kept(reference: Reference) -> None:
    reference.node.references.append(reference)


def changed_again(right: Any) -> Any:
    def bent(process: Process, cookie: int) -> int:
        for freeze in process.delivered_freezes.entries:
            if isinstance(freeze, Freeze):
                freeze.has_changed = True
        return int(right(process, cookie))

    return bent


def not_told_at_once(process: Process, handle: int, cookie: int) -> None:
    reference = process.references.get(handle)
    if reference is not None and reference.freeze is not None and reference.freeze.cookie == cookie:
        reference.freeze.dequeue()


def any_freeze_cookie(right: Any) -> Any:
    def bent(process: Process, handle: int, cookie: int) -> int:
        found = process.references.get(handle)
        return int(right(process, handle, found.freeze.cookie if found and found.freeze else cookie))

    return bent


def unchanged(target: Process, *, is_frozen: bool) -> None:
    del is_frozen
    for node in target.nodes.values():
        for reference in node.references:
            if reference.freeze is not None:
                reference.freeze.has_changed = False


def refused_for_the_dead(right: Any) -> Any:
    def bent(process: Process, handle: int, cookie: int) -> int:
        found = process.references.get(handle)
        return -errno.EINVAL if found and found.node.process is None else int(right(process, handle, cookie))

    return bent


def any_parent(right: Any) -> Any:
    del right

    def bent(self: Any, objects: Any, index: int, place: int) -> Any:
        del self, place
        return objects[index] if index < len(objects) and isinstance(objects[index], Pointer) else None

    return bent


def first_is_parent(right: Any) -> Any:
    def bent(self: Any, objects: Any, index: int, place: int) -> Any:
        if not self._last and index == 0 and objects and isinstance(objects[0], Pointer):
            return objects[0]
        return right(self, objects, index, place)

    return bent


def back_again(right: Any) -> Any:
    return lambda self, objects, index, _: right(self, objects, index, 1 << 20)


def reply_lost(right: Any) -> Any:
    def bent(self: Any, transaction: Transaction, buffer: Any) -> bool:
        if right(self, transaction, buffer):
            self.returns.pop()
        return False

    return bent


def waits_after_closing(right: Any) -> Any:
    def bent(thread: Thread, offset: int) -> None:
        needed = thread.need_return
        right(thread, offset)
        thread.need_return = needed

    return bent


def in_order_of_waiting(process: Process) -> Any:
    return process.waiting.pop() if process.waiting else None


def alone(right: Any) -> Any:
    def bent(self: Any) -> None:
        others, self.thread.process.waiting = self.thread.process.waiting, []
        right(self)
        self.thread.process.waiting = others

    return bent


def given_in_silence(thread: Thread, work: Any) -> None:
    thread.todo.add(work)
    thread.has_urgent_todo = True


def pages_of_each(process: Process) -> list[int]:
    return [page for each in process.mapping.used for page in range(-(-each.size // 4096))]


def waits_for_anything(right: Any) -> Any:
    def bent(self: Any) -> None:
        right(self)
        if self.thread not in self.thread.process.waiting:
            self.thread.process.waiting.insert(0, self.thread)

    return bent


WATCHING = ("opening", "reads", "refcounts", "freezing")
WAITING = ("opening", "reads", "waiting")
UPDATING = ("opening", "reads", "oneway", "freezing")
PAYLOADS = ("opening", "reads", "calls", "buffers")
MUTANTS = (
    Mutant("handles start at 2", references, "lowest_free_handle", lambda _: from_two),
    Mutant(
        "handle 0 is anybody's",
        references,
        "lowest_free_handle",
        lambda _: from_zero,
    ),
    Mutant("a weak count is not dropped", references, "drop", after(weak_count_kept)),
    Mutant("every reference is taken strongly", references, "take", with_named(strong=True)),
    Mutant("a weak handle can be called", references, "find", handle_weak_enough),
    Mutant("a removed handle keeps its node", references, "remove", after(node_kept)),
    Mutant("a freed buffer keeps its target", nodes, "count_down", not_dropped),
    Mutant("the owner is not told of a first strong reference", nodes, "count_up", owner_not_told),
    Mutant("BC_ACQUIRE_DONE counts nothing", nodes, "acknowledge", constant(None)),
    Mutant("an owner's news is lost", nodes, "news", constant([])),
    Mutant("a manager's handle cannot be acquired first", nodes, "_is_kept_manager", constant(False)),
    Mutant("sizes are rounded up to 16", buffers, "rounded", lambda _: lambda size: -(-size // 16) * 16),
    Mutant("the first fit is taken", buffers, "best_fits", lambda _: first_fit, (*SENDING, "buffers")),
    Mutant("a buffer can be freed twice", buffers, "find", freed_twice),
    Mutant("free neighbours are not joined", buffers, "free", unjoined),
    Mutant("one-way space is not given back", buffers, "free", after(one_way_space_kept)),
    Mutant("one-way calls may take the whole mapping", buffers, "allocate", with_named(one_way=False)),
    Mutant("spam is not noticed", buffers, "is_spam", constant(False)),
    Mutant("one-way calls do not wait for each other", transactions, "_queue", not_in_order),
    Mutant("a call back goes to any thread", transactions, "thread_to_call_back", any_thread_called_back),
    Mutant("a waiting thread may call again", transactions, "thread_to_call_back", two_calls_at_once),
    Mutant(
        "the dead are reported as a failure",
        failures,
        "fail_call",
        error_code(BinderReturn.BR_FAILED_REPLY),
    ),
    Mutant("an undelivered call is dropped in silence", failures, "drop", constant(None)),
    Mutant("a transaction never ends", transactions, "finish", constant(None)),
    Mutant("an unread call may be freed", transactions, "free_buffer", lambda _: free_any),
    Mutant(
        "a weak handle arrives strong",
        translation,
        "_translate_handle",
        strength_lost,
        (*SENDING, "buffers", "refcounts"),
    ),
    Mutant("any node takes descriptors", translation.Translation, "_descriptor", constant(Descriptor())),
    Mutant("memory is placed without rounding", translation, "rounded", lambda _: lambda size: size),
    Mutant("a freed buffer keeps its objects", translation, "release", without_objects),
    Mutant("a death is told twice", deaths, "notify", after(told_twice)),
    Mutant("a death is not told", deaths, "notify", constant(None)),
    Mutant(
        "an acknowledged death comes again",
        deaths,
        "acknowledge",
        lambda _: death_delivered_again,
        ("opening", "reads", "calls", "buffers", "refcounts", "deaths", "exits"),
    ),
    Mutant("a cleared death needs no cookie", deaths, "clear", any_cookie),
    Mutant("a death of the dead is not told", deaths, "request", only_of_living),
    Mutant("a read needs no room", reading, "ROOM_FOR_ANY", lambda _: 0),
    Mutant("a thread takes its process's work in a call", reading, "takes_work_of_process", constant(True)),
    Mutant("a new thread's first read waits", reading, "has_work", without_first),
    Mutant("no thread is asked for", reading.Reading, "_request_thread", constant(None)),
    Mutant("commands behind an error are carried out", writing, "write", write_goes_on),
    Mutant("BC_REGISTER_LOOPER needs no request", writing, "register_looper", lambda _: registers),
    Mutant(
        "a second context manager is accepted",
        controls,
        "become_context_manager",
        always_manager,
    ),
    Mutant("EPERM in the place of EBUSY", controls, "become_context_manager", other_errno),
    Mutant("a busy process can be frozen", controls, "is_busy", constant(False)),
    Mutant("a frozen process takes calls", controls, "freeze", never_frozen, (*SENDING, "freezing")),
    Mutant("a thread's end leaves its callers waiting", exits, "end_thread", silent_end),
    Mutant("a dead node is gone at once", exits, "_end_node", after(drop_dead)),
    Mutant("a dead process keeps its handles", exits, "end_process", keeps_handles),
    Mutant("a freeze is not told", freezes, "announce", constant(None), WATCHING),
    Mutant("a freeze is told again", freezes, "acknowledge", changed_again, WATCHING),
    Mutant("a change before the acknowledgement is lost", freezes, "announce", after(unchanged), WATCHING),
    Mutant("the first freeze notification waits for a change", freezes, "request", after(not_told_at_once)),
    Mutant("a cleared freeze notification needs no cookie", freezes, "clear", any_freeze_cookie, WATCHING),
    Mutant(
        "freeze notifications of the dead are refused",
        freezes,
        "request",
        refused_for_the_dead,
        (*WATCHING, "exits"),
    ),
    Mutant("a security context takes no room", transactions, "_allocate", with_named(with_context=False)),
    Mutant("an outdated call is kept", transactions, "_outdated", constant(None), UPDATING),
    Mutant(
        "a call is outdated by one with another code",
        transactions,
        "_alike",
        lambda right: lambda call: right(call)[1:],
        UPDATING,
    ),
    Mutant("an address may be put into any memory", fixups.Fixups, "parent_of", any_parent, PAYLOADS),
    Mutant("the first object may have addresses", fixups.Fixups, "parent_of", first_is_parent, PAYLOADS),
    Mutant("addresses may be put at falling places", fixups.Fixups, "parent_of", back_again, PAYLOADS),
    Mutant(
        "an array of descriptors need not fit",
        translation.Translation,
        "_array",
        lambda _: lambda _, sent: sent,
        PAYLOADS,
    ),
    Mutant("an address may be put anywhere", translation, "ALIGNMENT", lambda _: 1, PAYLOADS),
    Mutant("descriptors always fit", reading, "descriptors_in", constant(0), PAYLOADS),
    Mutant("a reply whose descriptors do not fit is lost", reading.Reading, "_lose", reply_lost, PAYLOADS),
    Mutant(
        "a thread that closed descriptors waits",
        transactions,
        "free_buffer",
        waits_after_closing,
        PAYLOADS,
    ),
    Mutant("who waited longest is woken", records.Process, "select", lambda _: in_order_of_waiting, WAITING),
    Mutant("a call wakes nobody", records.Process, "select", constant(None), WAITING),
    Mutant("a reply wakes nobody", records.Thread, "give", lambda _: given_in_silence, WAITING),
    Mutant("who waits for a reply gets calls", reading.Reading, "wait", waits_for_anything, WAITING),
    Mutant(
        "a thread is asked for while others wait",
        reading.Reading,
        "_request_thread",
        alone,
        (*WAITING, "loopers"),
    ),
    Mutant("a signal ends no wait", world.World, "_interrupted", constant([]), WAITING),
    Mutant(
        "each buffer has pages of its own", views, "_pages", lambda _: pages_of_each, (*SENDING, "controls")
    ),
)
