"""The plugin's options: one prefix, one group, and for each an environment variable of the same name."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options and the environment ask for."""

    target: str
    json: Path | None
    """Where the result document goes."""
    time_limit: float | None
    """Seconds one claim may take; None for each claim's own limit."""


def add_options(parser: pytest.Parser) -> None:
    """Declare the options; they are read by `settings_of`."""
    group = parser.getgroup("binder-harness", "Binder harness: Binder on real devices")
    group.addoption(
        "--binder-target",
        metavar="TARGET",
        help="the device that the fixture `device` opens (default: embedded; $BINDER_HARNESS_TARGET)",
    )
    group.addoption(
        "--binder-json",
        metavar="FILE",
        help="write what came of the claims to FILE ($BINDER_HARNESS_JSON)",
    )
    group.addoption(
        "--binder-time-limit",
        metavar="SECONDS",
        help="how long one claim may take (default: its own limit; $BINDER_HARNESS_TIME_LIMIT)",
    )


def settings_of(config: pytest.Config) -> Settings:
    """What was asked for; pytest.UsageError, naming the option, for a value that cannot be used."""
    json = _value(config, "json")
    seconds = _value(config, "time-limit")
    return Settings(
        target=_target(_value(config, "target")),
        json=config.invocation_params.dir / json if json else None,
        time_limit=_seconds(seconds) if seconds else None,
    )


def _value(config: pytest.Config, name: str) -> str | None:
    given: str | None = config.getoption(f"--binder-{name}")
    return given if given is not None else os.environ.get(f"BINDER_HARNESS_{name.upper().replace('-', '_')}")


def _target(text: str | None) -> str:
    if not text:
        return "embedded"
    from emulator.errors import UsageError
    from emulator.target import parse_target

    try:
        return str(parse_target(text))
    except UsageError as error:
        raise pytest.UsageError(f"--binder-target (or BINDER_HARNESS_TARGET): {error}") from error


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise pytest.UsageError(
            f"--binder-time-limit (or BINDER_HARNESS_TIME_LIMIT) is {text!r}: give seconds, more than 0"
        )
    return seconds
