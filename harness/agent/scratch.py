"""Scratch memory of a process on the device: mapped once, reused, and replaced when too small."""

from __future__ import annotations

from collections.abc import Callable

from emulator.base.deadline import Deadline

MapMemory = Callable[[int, Deadline | None], int]
"""Maps so many bytes in the process by the deadline, and returns their address."""


class Scratch:
    """Memory for data that is needed until the next user writes there: arguments, commands, payloads."""

    def __init__(self, map_memory: MapMemory, smallest: int) -> None:
        self._map_memory = map_memory
        self._smallest = smallest
        self._address = 0
        self._size = 0

    def address(self, size: int, *, deadline: Deadline | None = None) -> int:
        """The address of at least `size` bytes; the same as before unless more are needed.

        A smaller area stays mapped when it is replaced, because a batch in progress may use it; as sizes
        double, all areas together take less than twice the largest.
        """
        if size > self._size:
            size = max(self._smallest, 2 * size)
            self._address = self._map_memory(size, deadline)
            self._size = size
        return self._address
