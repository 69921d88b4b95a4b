"""Where Binder shows its records, and one way to read them all."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from emulator.base.errors import HarnessError
from harness.kernel.binder_debug.logs import TransactionLog, parse_transaction_log
from harness.kernel.binder_debug.parser import parse_state
from harness.kernel.binder_debug.records import (
    Buffer,
    Node,
    ProcessBlock,
    Reference,
    State,
    Thread,
    contents_of,
)
from harness.kernel.binder_debug.stats import Stats, parse_stats
from harness.kernel.concise import counted
from harness.kernel.files import Files, directory_holding

LOCATIONS = ("/sys/kernel/debug/binder", "/dev/binderfs/binder_logs")


class BinderRecordsMissingError(HarnessError, FileNotFoundError):
    """The device does not show Binder's records; the message says where was looked and what may be wrong."""


@dataclass(frozen=True, slots=True, repr=False)
class BinderProcess:
    """All that the driver keeps for one process: a block for each time it opened a Binder device.

    No block means that the driver has no record of the process.
    """

    pid: int
    blocks: tuple[ProcessBlock, ...]

    def __repr__(self) -> str:
        opened = counted(len(self.blocks), "open device")
        return f"<BinderProcess {self.pid}: {opened}, {contents_of(self.blocks)}>"

    def in_context(self, name: str) -> BinderProcess:
        """Only what belongs to one device, such as `vndbinder`."""
        return BinderProcess(self.pid, tuple(block for block in self.blocks if block.context == name))

    @property
    def threads(self) -> tuple[Thread, ...]:
        """The threads of all blocks."""
        return tuple(chain.from_iterable(block.threads for block in self.blocks))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of all blocks."""
        return tuple(chain.from_iterable(block.nodes for block in self.blocks))

    @property
    def references(self) -> tuple[Reference, ...]:
        """The handles of all blocks."""
        return tuple(chain.from_iterable(block.references for block in self.blocks))

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The buffers of all blocks."""
        return tuple(chain.from_iterable(block.buffers for block in self.blocks))


class BinderState:
    """Binder's records on one device. Nothing is kept but where they are: each call reads anew.

    Every method raises BinderRecordsMissingError where the device does not show what is asked for.
    """

    def __init__(self, files: Files, locations: Sequence[str] = LOCATIONS) -> None:
        self._files = files
        self._locations = locations

    def __repr__(self) -> str:
        # Where it was not asked for yet, the device is not asked for it to show this.
        return f"<BinderState of {vars(self).get('location', 'a device')}: process(pid), state(), stats(), …>"

    @functools.cached_property
    def location(self) -> str:
        """The directory the records are read from: the first that can be listed and has a file `state`."""
        lacking = "has no file `state` (binderfs mounted without stats=global?)"
        location, looked = directory_holding("state", self._files, self._locations, otherwise=lacking)
        if location is not None:
            return location
        raise BinderRecordsMissingError(
            f"Binder's records cannot be read on this device. Looked in\n{looked}"
            "\nThey need root (`adb root`), and debugfs (`mount -t debugfs none /sys/kernel/debug`) or "
            "binderfs mounted with stats=global. `user` builds of Android 12 and later never mount "
            "debugfs: use a userdebug build or the embedded device."
        )

    def process(self, pid: int) -> BinderProcess:
        """What the driver keeps for one process; no blocks when it keeps nothing."""
        location = self.location
        try:
            text = self._files.read_text(f"{location}/proc/{pid}")
        except FileNotFoundError:
            # The file goes with the process's first open file, though others may still be open.
            text = self._files.read_text(f"{location}/state")
        return BinderProcess(pid, parse_state(text).of_process(pid))

    def state(self) -> State:
        """Everything: all processes, and the nodes whose owner is gone."""
        return parse_state(self._read("state"))

    def transactions(self) -> State:
        """Only the threads, nodes and processes that have a transaction under way, and all buffers."""
        return parse_state(self._read("transactions"))

    def stats(self) -> Stats:
        """Counters of the system and of each process, pages and free one-way space among them."""
        return parse_stats(self._read("stats"))

    def transaction_log(self) -> TransactionLog:
        """The last 32 transactions of the system."""
        return parse_transaction_log(self._read("transaction_log"))

    def failed_transaction_log(self) -> TransactionLog:
        """The last 32 transactions that failed, each with the errno and the line of binder.c."""
        return parse_transaction_log(self._read("failed_transaction_log"))

    def _read(self, name: str) -> str:
        path = f"{self.location}/{name}"
        try:
            return self._files.read_text(path)
        except FileNotFoundError as error:
            raise BinderRecordsMissingError(
                f"{path} is not there, though {self.location} is: this driver does not keep it "
                "(the Rust driver keeps no transaction logs)"
            ) from error
