"""References to other processes' objects: the commands that count them."""

from __future__ import annotations

from harness.argument_types import checked_methods
from harness.binder.abi import commands
from harness.binder.driver.command_queue import CommandQueue


@checked_methods
class References:
    """Takes and drops references by handle; each method writes one command at once."""

    def __init__(self, queue: CommandQueue) -> None:
        self._queue = queue

    def acquire(self, *handles: int) -> None:
        """BC_ACQUIRE: take a strong reference to each."""
        self._queue.write(*map(commands.Acquire, handles))

    def release(self, *handles: int) -> None:
        """BC_RELEASE: drop a strong reference to each."""
        self._queue.write(*map(commands.Release, handles))

    def increfs(self, *handles: int) -> None:
        """BC_INCREFS: take a weak reference to each."""
        self._queue.write(*map(commands.Increfs, handles))

    def decrefs(self, *handles: int) -> None:
        """BC_DECREFS: drop a weak reference to each."""
        self._queue.write(*map(commands.Decrefs, handles))
