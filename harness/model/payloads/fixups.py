"""Memory that goes with a transaction: which objects may be placed in which others, and in which order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from harness.model.steps import WORD, Object, Pointer, object_size


class Fixups:
    """The fix-ups of one transaction: each is in the memory of a Pointer before it, at rising places."""

    def __init__(self) -> None:
        self._last = 0
        """Where in the data the object is in whose memory the last fix-up was, or that came last."""
        self._lowest = 0
        """The lowest place in that memory that is still open."""

    def parent_of(self, objects: Sequence[Object], index: int, place: int) -> Pointer | None:
        """The object at an index, if a fix-up may be at that place of it.

        binder_validate_ptr, binder_validate_fixup. An object that comes first in the data, at offset 0, is no
        last one: the driver takes 0 for none.
        """
        if index >= len(objects):
            return None
        parent = objects[index]
        if not isinstance(parent, Pointer) or not self._last:
            return None
        offsets = _offsets(objects)
        last, lowest = self._last, self._lowest
        while last != offsets[index]:
            above = objects[offsets.index(last)]
            if not isinstance(above, Pointer) or above.parent is None:
                return None
            last, lowest = offsets[above.parent], above.parent_offset + WORD
        return parent if place >= lowest else None

    def descended(self, objects: Sequence[Object], index: int, lowest: int) -> None:
        """The last fix-up, or Pointer, was of this object; its memory is open from `lowest` on."""
        self._last, self._lowest = _offsets(objects)[index], lowest


def _offsets(objects: Sequence[Object]) -> list[int]:
    return list(itertools.accumulate(map(object_size, objects), initial=0))[:-1]
