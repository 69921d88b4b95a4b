"""What is fuzzed: a function that reads bytes from a device, a host or a file."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.base.errors import HarnessError

LARGEST = 1 << 16
"""Bytes of an input."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser, and the errors with which it refuses what is malformed."""

    name: str
    """The function's, with its module."""
    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    """Well-formed inputs to begin with."""
    refuses: tuple[type[Exception], ...] = (HarnessError,)
    """What it may raise; anything else is a finding."""

    def __call__(self, data: bytes) -> None:
        """Parse an input; what is no refusal is raised."""
        with contextlib.suppress(*self.refuses):
            self.parse(data[:LARGEST])


def text_target(
    parse: Callable[[str], object], *seeds: str, refuses: tuple[type[Exception], ...] = (HarnessError,)
) -> Target:
    """A parser of text, which is decoded as from a device: what is no UTF-8 is replaced."""
    return Target(
        name_of(parse),
        lambda data: parse(data.decode(errors="replace")),
        tuple(seed.encode() for seed in seeds),
        refuses,
    )


def name_of(function: Callable[..., object]) -> str:
    """The name of a function, with its module."""
    return f"{function.__module__}.{function.__qualname__}"


@dataclass(frozen=True, slots=True)
class Agent:
    """A program in C that is fed through a session of its protocol."""

    name: str
    build: Callable[[Path], Path]
    """Builds it with sanitizers in a directory, and returns its path."""
    session: Callable[[Path, random.Random], tuple[int, str]]
    """Starts it, and sends it inputs: returns how many, and what was wrong, if anything."""
