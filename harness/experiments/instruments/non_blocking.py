"""Two ends that say only what an experiment has them say, and are never kept waiting by the driver.

Both open the device with O_NONBLOCK: whoever asks hears what the driver has to say by now, or nothing. As
the driver queues all that follows from a command while it carries the command out, one Python thread can
play every part, and a silence says as much as an answer.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from emulator.base.errors import HarnessError
from harness.binder import Pair, Parcel, open_ends
from harness.binder.abi import commands
from harness.binder.abi.commands import Command
from harness.binder.abi.returns import Return
from harness.binder.abi.structures import BinderTransactionData
from harness.binder.abi.tagged import Tagged
from harness.binder.driver_thread import READ_SIZE, DriverThread
from harness.binder.errors import DriverRefusedError
from harness.experiments.instruments.node_files import OPEN_FLAGS, free_node

if TYPE_CHECKING:
    from harness.device.device import Device, DeviceProcess

FLAGS = OPEN_FLAGS | os.O_NONBLOCK

Word = TypeVar("Word", bound=Return)
Loaded = TypeVar("Loaded", bound=BinderTransactionData)


class UnexpectedAnswerError(HarnessError):
    """The driver did not say what the next step of an experiment needs."""


def open_non_blocking(
    device: Device, *, size: int | None = None
) -> AbstractContextManager[Pair[DeviceProcess]]:
    """A context manager, which maps `size` bytes, and a client on the device's free node."""
    return open_ends(device, free_node(device.facts), size=size, flags=FLAGS)


def say(thread: DriverThread, *words: Command, payload: bytes = b"") -> tuple[Return, ...]:
    """Say `words`, and hear in the same ioctl what the driver has to say to the thread: nothing, if nothing.

    `payload` is what `loaded` returned beside a word.
    """
    try:
        return tuple(thread.write_read(commands.compose(*words), READ_SIZE, payload=payload).returns)
    except DriverRefusedError as error:
        if error.errno != errno.EAGAIN:  # which comes after the words were carried out
            raise
        return ()


def hear(thread: DriverThread) -> tuple[Return, ...]:
    """All that the driver has to say to the thread, in as many ioctls as that takes."""
    heard: tuple[Return, ...] = ()
    while answer := say(thread):
        heard += answer
    return heard


def loaded(thread: DriverThread, word: Loaded, data: Parcel) -> tuple[Loaded, bytes]:
    """A transaction or reply of this thread's that carries `data`, and the payload that goes with it."""
    address = thread.payload_address(data.placed_size)
    placed = data.place(address)
    carrying = replace(
        word,
        data_size=placed.data_size,
        offsets_size=placed.offsets_size,
        buffer=address,
        offsets=placed.offsets,
    )
    return carrying, placed.memory


def only(kind: type[Word], heard: Iterable[Return]) -> Word:
    """The one word of a kind among those heard; UnexpectedAnswerError where there is none, or several."""
    words = tuple(heard)
    found = [word for word in words if isinstance(word, kind)]
    if len(found) != 1:
        raise UnexpectedAnswerError(
            f"the driver was to say {kind.TAG.name} once, and said {', '.join(names(words)) or 'nothing'}."
        )
    return found[0]


def names(words: Iterable[Tagged]) -> tuple[str, ...]:
    """What was said or heard, by the kernel's names."""
    return tuple(word.TAG.name for word in words)
