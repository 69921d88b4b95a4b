"""The facts of a device in a saved state: found once for the state, and kept in the cache.

Two devices restored from one state are equal until anything is done on them, so what was found by trying on
the first holds for the second. Trying takes longer than the restore: under emulation, code that first runs on
a device is slow.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from emulator.base.controller import Controller, HasSavedState
from emulator.cache.store import entry, fingerprint
from harness.device.facts import Facts
from harness.device.free_device import free_device
from harness.device.probing import Attempts, ProbedDevice, find_facts

NAME = "device-facts"
FILE = "facts.json"
SOURCES = [Path(__file__).parents[1] / package for package in ("agent", "binder", "device", "kernel")]
"""What decides which facts are found."""


class _NotLastingError(Exception):
    """Facts that may be others the next time: something did not reply in time."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts


def facts_of(device: ProbedDevice, controller: Controller) -> Facts:
    """The facts of a device: those of its saved state, if it is still in one, or what trying finds."""
    state = controller.untouched_state if isinstance(controller, HasSavedState) else None
    return find_facts(device) if state is None else facts_of_state(device, state)


def facts_of_state(device: ProbedDevice, state: str) -> Facts:
    """The facts of a device that is still in `state`, a fingerprint of what that depends on.

    It is left as trying would leave it: with a binder device that this run may manage, if there can be one.
    """
    found: list[Facts] = []

    def build(directory: Path) -> None:
        attempts = Attempts()
        found.append(find_facts(device, attempts))
        if attempts.timed_out:
            raise _NotLastingError(found[0])
        (directory / FILE).write_text(as_json(found[0]), encoding="utf-8")

    try:
        directory = entry(NAME, fingerprint(state, *SOURCES), build)
    except _NotLastingError as error:
        return error.facts
    if found:
        return found[0]
    facts = from_json((directory / FILE).read_text(encoding="utf-8"))
    free = facts.free_binder_device
    if free is not None:
        made = free not in facts.binder_devices
        with device.process() as process:
            free_device(device, process, facts.binder_devices if made else (free,), may_make_one=made)
    return facts


def as_json(facts: Facts) -> str:
    """The facts as text."""
    return json.dumps(dataclasses.asdict(facts) | {"reasons": dict(facts.reasons)}, default=sorted)


def from_json(text: str) -> Facts:
    """The facts that `as_json` wrote."""
    values = json.loads(text)
    for name in ("driver_ioctls", "refused_ioctls", "not_recorded"):
        values[name] = frozenset(values[name])
    tuples = {name: tuple(values[name]) for name in ("binder_devices", "driver_features")}
    return Facts(**values | tuples)
