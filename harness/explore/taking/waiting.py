"""Threads that wait in the driver: begun, found waiting, and collected when they have returned."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

from emulator.base.deadline import Deadline
from emulator.base.errors import TimeLimitError
from harness.agent.syscalls import SyscallNumber
from harness.agent.thread import PendingBatch
from harness.explore.taking.actor import Actor
from harness.explore.taking.exchanging import Prepared, Relative
from harness.model.steps import Exchange, Outcome

Key = tuple[int, int]
"""The numbers of a process and of its thread."""
BEGIN_SECONDS = 10.0
RETURN_SECONDS = 5.0
"""How long a thread that is to return may take."""


@dataclass(frozen=True, slots=True)
class _Wait:
    actor: Actor
    prepared: Prepared
    pending: PendingBatch


class Waits:
    """The exchanges that have not returned."""

    def __init__(self, read_text: Callable[[str], str]) -> None:
        """`read_text` reads a file of the device in a process that is none of the program's."""
        self._read_text = read_text
        self._waits: dict[Key, _Wait] = {}

    def __bool__(self) -> bool:
        return bool(self._waits)

    def begin(
        self,
        step: Exchange,
        actor: Actor,
        prepared: Prepared,
        relative: Relative,
        *,
        waits: bool,
    ) -> Outcome | None:
        """Start an exchange, until its thread waits in the driver: None; or its outcome, if it returns.

        `waits`: whether it is to wait; if not, it is given time to return.
        """
        remote, _ = actor.thread(step.thread)
        pending = remote.submit(*prepared.operations, keep_going=True)
        ioctl = SyscallNumber.ioctl.number(remote.architecture)
        deadline = Deadline(BEGIN_SECONDS)
        while not pending.done and not self._is_in_ioctl(remote.pid, remote.tid, ioctl):
            deadline.check(f"{pending} to wait in the driver")
        if not waits:
            with contextlib.suppress(TimeLimitError):
                pending.result(Deadline(RETURN_SECONDS))
        if pending.done:
            return prepared.outcome(pending.result(), relative)
        self._waits[step.process, step.thread] = _Wait(actor, prepared, pending)
        actor.busy.add(step.thread)
        return None

    def returned(self, expected: Collection[Key], relative: Relative) -> tuple[tuple[int, int, Outcome], ...]:
        """The outcomes of those that have returned, once the expected ones have, or took too long."""
        deadline = Deadline(RETURN_SECONDS)
        for key in expected:
            if key in self._waits:
                with contextlib.suppress(TimeLimitError):
                    self._waits[key].pending.result(deadline)
        found = []
        for key, wait in sorted(self._waits.items()):
            if wait.pending.done:
                del self._waits[key]
                wait.actor.busy.discard(key[1])
                found.append((*key, wait.prepared.outcome(wait.pending.result(), relative)))
        return tuple(found)

    def interrupt(self, key: Key) -> None:
        """Make one return EINTR, if it waits."""
        if key in self._waits:
            self._waits[key].pending.interrupt()

    def end(self) -> None:
        """Forget those that return since their files are closed; interrupt any other."""
        for (_, number), wait in self._waits.items():
            try:
                wait.pending.result(Deadline(RETURN_SECONDS))
            except TimeLimitError:
                wait.pending.interrupt()
            wait.actor.busy.discard(number)
        self._waits.clear()

    def _is_in_ioctl(self, pid: int, tid: int, number: int) -> bool:
        """Whether the thread sleeps in ioctl(2): /proc/PID/task/TID/syscall begins with the call's number."""
        return self._read_text(f"/proc/{pid}/task/{tid}/syscall").startswith(f"{number} ")
