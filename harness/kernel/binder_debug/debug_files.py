"""Finds the directory of the Binder driver's debug files, and reads each of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from emulator.base.errors import HarnessError
from harness.kernel.binder_debug.state import (
    Buffer,
    Node,
    ProcessBlock,
    Reference,
    State,
    Thread,
    contents_of,
)
from harness.kernel.binder_debug.state_parser import parse_state
from harness.kernel.binder_debug.stats import Stats, parse_stats
from harness.kernel.binder_debug.transaction_log import TransactionLog, parse_transaction_log
from harness.kernel.concise import counted
from harness.kernel.files import Files, find_directory_with

_HASHED = "the driver in C has it from Linux 6.18 on, the one in Rust has not"
_WHO_HAS = {
    "transaction_log": "the driver in Rust keeps no transaction logs",
    "failed_transaction_log": "the driver in Rust keeps no transaction logs",
    "state_hashed": _HASHED,
    "transactions_hashed": _HASHED,
}
"""Which driver has a file that another lacks."""
LOCATIONS = ("/sys/kernel/debug/binder", "/dev/binderfs/binder_logs")


class BinderDebugMissingError(HarnessError, FileNotFoundError):
    """The device does not show Binder's debug files; the message lists tried places and likely reasons."""


@dataclass(frozen=True, slots=True, repr=False)
class BinderProcess:
    """The driver's records of one process: a block for each time it opened a Binder device.

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


class BinderDebugFiles:
    """The debug files of one device. Only their location is cached: each call reads the file again.

    Every method raises BinderDebugMissingError if the device does not show the file.
    """

    def __init__(self, files: Files, locations: Sequence[str] = LOCATIONS) -> None:
        self._files = files
        self._locations = locations

    def __repr__(self) -> str:
        # repr() must not access the device to find the location.
        location = vars(self).get("location", "a device")
        return f"<BinderDebugFiles of {location}: process(pid), state(), stats(), …>"

    @functools.cached_property
    def location(self) -> str:
        """The directory of the debug files: the first that can be listed and has a file `state`."""
        missing = "has no file `state` (binderfs mounted without stats=global?)"
        location, failed = find_directory_with("state", self._files, self._locations, missing=missing)
        if location is not None:
            return location
        raise BinderDebugMissingError(
            f"Binder's debug files cannot be read on this device. Tried\n{failed}"
            "\nThey need root (`adb root`): a run as root mounts debugfs for itself where it is not, and the "
            "kernel has it. `user` builds give nobody root: use a userdebug build or the embedded device."
        )

    def process(self, pid: int) -> BinderProcess:
        """The driver's records of one process; without blocks if there are none."""
        location = self.location
        try:
            text = self._files.read_text(f"{location}/proc/{pid}")
        except FileNotFoundError:
            # The driver removes proc/PID with the process's first open file, even if others stay open.
            text = self._files.read_text(f"{location}/state")
        return BinderProcess(pid, parse_state(text).of_process(pid))

    def state(self, *, hashed: bool = False) -> State:
        """All processes, and the nodes whose owner is dead.

        With `hashed`, from `state_hashed`: the addresses of nodes and their cookies are hashed, equal ones
        alike until the next boot, so that it can be passed on (the driver in C, Linux 6.18).
        """
        return parse_state(self._read("state_hashed" if hashed else "state"))

    def transactions(self, *, hashed: bool = False) -> State:
        """Only the threads, nodes and processes with a transaction in progress, and all buffers.

        With `hashed`, from `transactions_hashed`; see `state`.
        """
        return parse_state(self._read("transactions_hashed" if hashed else "transactions"))

    def stats(self) -> Stats:
        """Counters of the system and of each process, including pages and free one-way space."""
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
            raise BinderDebugMissingError(
                f"{path} does not exist, though {self.location} does: this driver does not provide it "
                f"({_WHO_HAS.get(name, 'the driver in C has it')})"
            ) from error
