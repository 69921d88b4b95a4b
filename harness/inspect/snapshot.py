"""Binder's records at one moment: the sections that belong together, and what is in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from harness.inspect.kinds import STATES, Kind, Section
from harness.kernel.binder_debug.state import ProcessBlock, State, Transaction


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One dump of the driver's records: a `state` or `transactions` file, or `proc/PID` files together."""

    sections: tuple[Section, ...]

    @property
    def kind(self) -> Kind:
        """The kind of its sections."""
        return self.sections[0].kind

    def blocks(self) -> Iterator[tuple[Section, ProcessBlock]]:
        """Every process's records, and the records whose process the text does not show (pid 0)."""
        for section in self.sections:
            state = cast(State, section.value)
            for block in state.processes:
                yield section, block
            if state.fragment is not None:
                yield section, state.fragment

    def transactions(self) -> Iterator[tuple[Section, ProcessBlock, Transaction]]:
        """Every transaction in it, at each end where it is shown."""
        for section, block in self.blocks():
            groups = [block.transactions]
            groups += [thread.transactions for thread in block.threads]
            groups += [node.transactions for node in block.nodes]
            for transaction in (each for group in groups for each in group):
                yield section, block, transaction

    def owners(self) -> dict[int, int]:
        """The process that owns each node."""
        return {node.debug_id: block.pid for _, block in self.blocks() if block.pid for node in block.nodes}

    def mixed(self) -> str | None:
        """Why these records cannot be of one device at one moment, if so: the driver numbers a node once."""
        owners: dict[int, int] = {}
        for _, block in self.blocks():
            for node in block.nodes if block.pid else ():
                if owners.setdefault(node.debug_id, block.pid) != block.pid:
                    return (
                        f"node {node.debug_id} belongs to process {owners[node.debug_id]} and to process "
                        f"{block.pid}: these records are of two devices, or of two boots"
                    )
        return None


def snapshots(sections: Sequence[Section]) -> tuple[Snapshot, ...]:
    """The sections with the driver's records, in order; those of `proc/PID` files are put together.

    A process that comes again begins another snapshot.
    """
    found: list[list[Section]] = []
    known: set[tuple[str, int, str | None]] = set()
    for section in sections:
        if section.kind not in STATES:
            continue
        state = cast(State, section.value)
        keys = {(section.place.file, block.pid, block.context) for block in state.processes}
        before = found[-1] if found else []
        if (
            section.kind == Kind.PROCESS
            and before
            and before[0].kind == Kind.PROCESS
            and not _again(keys, known)
        ):
            before.append(section)
        else:
            found.append([section])
            known = set()
        known |= keys
    return tuple(Snapshot(tuple(group)) for group in found)


def _again(keys: set[tuple[str, int, str | None]], known: set[tuple[str, int, str | None]]) -> bool:
    processes = {(pid, context) for _, pid, context in known}
    return any((pid, context) in processes for _, pid, context in keys)
