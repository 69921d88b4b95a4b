"""The facts of a device that starts from a saved state: found once for the state, and kept in the cache.

Two devices restored from one state are equal, so what was found by trying on the first holds for the second.
Trying takes longer than the restore: under emulation, code that first runs on a device is slow.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from emulator.cache.store import entry, fingerprint
from harness.device.facts import Facts
from harness.device.free_device import manage_once
from harness.device.probing import Attempts, ProbedDevice, find_facts

NAME = "device-facts"
FILE = "facts.json"
SOURCES = [Path(__file__).parents[1] / package for package in ("agent", "binder", "device", "kernel")]
"""What decides which facts are found."""


class _NotLastingError(Exception):
    """Facts that may be others the next time: something did not reply in time."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts


def facts_of_state(device: ProbedDevice, state: str) -> Facts:
    """The facts of a device that has just been restored from `state`, a fingerprint of what it depends on.

    It is left as trying would leave it: with a binder device of this run's own, if there can be one.
    """
    found: list[Facts] = []

    def build(directory: Path) -> None:
        attempts = Attempts()
        found.append(find_facts(device, attempts))
        if attempts.timed_out:
            raise _NotLastingError(found[0])
        (directory / FILE).write_text(as_json(found[0]))

    try:
        directory = entry(NAME, fingerprint(state, *SOURCES), build)
    except _NotLastingError as error:
        return error.facts
    if found:
        return found[0]
    facts = from_json((directory / FILE).read_text())
    if facts.free_binder_device is not None:
        with device.process() as process:
            if facts.free_binder_device.startswith(device.surroundings.node_place.directory):
                device.make_private_node(process)
            manage_once(process, facts.free_binder_device)
    return facts


def as_json(facts: Facts) -> str:
    """The facts as text."""
    return json.dumps(dataclasses.asdict(facts) | {"reasons": dict(facts.reasons)}, default=sorted)


def from_json(text: str) -> Facts:
    """The facts that `as_json` wrote."""
    values = json.loads(text)
    for name in ("driver_ioctls", "refused_ioctls"):
        values[name] = frozenset(values[name])
    return Facts(**values | {"binder_devices": tuple(values["binder_devices"])})
