"""Whether the memory that came with a transaction has the addresses and descriptors that it should have."""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Sequence

from harness.agent.operations import Read, SystemCall
from harness.agent.thread import RemoteThread
from harness.model.steps import WORD, DescriptorArray, Nonsense, Object, Pointer

_DESCRIPTOR_SIZE = 4


def with_fixups(objects: Sequence[Object], mapping: int, remote: RemoteThread) -> tuple[Object, ...]:
    """The objects that were received, with Nonsense for what is not fixed up in the memory of its parent."""
    return tuple(
        each if _parent_of(each, objects) is None or _is_fixed(each, objects, mapping, remote) else Nonsense()
        for each in objects
    )


def _parent_of(received: Object, objects: Sequence[Object]) -> Pointer | None:
    if not isinstance(received, Pointer | DescriptorArray) or received.parent is None:
        return None
    parent = objects[received.parent]
    return parent if isinstance(parent, Pointer) else None


def _is_fixed(received: Object, objects: Sequence[Object], mapping: int, remote: RemoteThread) -> bool:
    """A Pointer's address is in its parent; an array's descriptors are, and are open, each another one."""
    parent = _parent_of(received, objects)
    assert parent is not None
    assert parent.at is not None
    assert isinstance(received, Pointer | DescriptorArray)
    place = mapping + parent.at + received.parent_offset
    if isinstance(received, Pointer):
        (word,) = remote.batch(Read(place, WORD))
        return received.at is not None and word.checked().data == struct.pack("<Q", mapping + received.at)
    (words,) = remote.batch(Read(place, _DESCRIPTOR_SIZE * received.count))
    descriptors = struct.unpack(f"<{received.count}i", words.checked().data)
    found = remote.batch(
        *(SystemCall("fcntl", each, fcntl.F_GETFD, 0) for each in descriptors), keep_going=True
    )
    return len(set(descriptors)) == received.count and not any(each.errno for each in found)
