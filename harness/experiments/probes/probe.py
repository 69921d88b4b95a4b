"""What a probe is: a question to the driver, and a function whose result is the answer.

    @probe("ioctl.version")
    def version(bench: Bench) -> object:
        '''What does BINDER_VERSION report?'''
        return bench.client.controls.version()

Nothing is expected of an answer, so that a probe needs no verdict. It must be the same each time: without
addresses, process ids or times.
"""

from __future__ import annotations

import errno
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.errors import FacilityMissingError, HarnessError, TimeLimitError
from harness.binder.errors import BinderError
from harness.experiments.probes.bench import Bench, open_bench

if TYPE_CHECKING:
    from harness.device.device import Device

Ask = Callable[[Bench], object]


@dataclass(frozen=True, slots=True)
class Probe:
    """One question."""

    id: str
    question: str
    ask: Ask
    trap: str = ""
    """Why a program could trip over another answer; empty where it hardly could."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one device answered."""

    id: str
    text: str


PROBES: dict[str, Probe] = {}
"""All probes by id, in the order of their modules; `catalogue` fills it."""


def probe(id: str, *, trap: str = "") -> Callable[[Ask], Ask]:  # noqa: A002 — as `claim` has it
    """Make a function of a bench a probe, which its docstring asks; ValueError for an id that is taken."""

    def register(ask: Ask) -> Ask:
        if id in PROBES:
            raise ValueError(f"there are two probes {id}")
        PROBES[id] = Probe(id, inspect.getdoc(ask) or "", ask, trap)
        return ask

    return register


def answer(asked: Probe, device: Device) -> Answer:
    """Put one question to a device, in processes of its own."""
    try:
        with open_bench(device) as bench:
            return Answer(asked.id, text_of(asked.ask, bench))
    except FacilityMissingError as error:
        return Answer(asked.id, f"not here: {error}")


def text_of(ask: Ask, bench: Bench) -> str:
    """The answer in words: the result, or the error that the driver answered with."""
    try:
        result = ask(bench)
    except TimeLimitError:
        return "no answer"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except BinderError as error:
        return error.command.name
    except FacilityMissingError:
        raise
    except HarnessError as error:
        return f"{type(error).__name__}: {error}"
    if result is None:
        return "success"
    if isinstance(result, tuple | list | frozenset | set):
        parts = sorted(map(str, result)) if isinstance(result, frozenset | set) else map(str, result)
        return ", ".join(parts) or "nothing"
    return str(result)
