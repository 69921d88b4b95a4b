"""The plugin's options: one prefix, one group, and for each an environment variable of the same name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from emulator.base.errors import UsageError

if TYPE_CHECKING:
    from emulator.target import Target

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the options and environment variables."""

    given_target: Target | None
    json: Path | None
    """The file for the result document."""
    time_limit: float | None
    """Seconds one claim may take; None for each claim's own limit."""
    java: bool = False
    """Whether AOSP's Java is put on a device for the claims that need it."""
    claims: tuple[Path, ...] = ()
    """Files and packages with claims from elsewhere."""

    @property
    def target(self) -> Target:
        """The device to open; the default is parsed when a test asks for it, for that loads its kind."""
        return self.given_target or _target("embedded")


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
        help="write the results of the claims to FILE ($BINDER_HARNESS_JSON)",
    )
    group.addoption(
        "--binder-time-limit",
        metavar="SECONDS",
        help="how long one claim may take (default: its own limit; $BINDER_HARNESS_TIME_LIMIT)",
    )
    group.addoption(
        "--binder-java",
        metavar="yes|no",
        help="build AOSP's Java, and put it on the device, for the claims that need it (default: no; "
        "$BINDER_HARNESS_JAVA)",
    )
    group.addoption(
        "--binder-claims",
        metavar="FILE.py|PACKAGE",
        action="append",
        help="add the claims of a file or a package; may be repeated ($BINDER_HARNESS_CLAIMS)",
    )


def settings_of(config: pytest.Config) -> Settings:
    """The settings; pytest.UsageError, with the option's name, for an invalid value."""
    return Settings(
        given_target=_value(config, "target", _target),
        json=_value(config, "json", config.invocation_params.dir.joinpath),
        time_limit=_value(config, "time-limit", _seconds),
        java=_value(config, "java", _yes_or_no) or False,
        claims=tuple(map(Path, _several(config, "claims"))),
    )


def load_sources(settings: Settings) -> None:
    """Bring in the claims from elsewhere; pytest.UsageError where one has a mistake."""
    from harness.experiments.core.loading import load_claims

    try:
        load_claims(settings.claims)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def _several(config: pytest.Config, name: str) -> list[str]:
    """The values of an option that may be repeated, or of its environment variable."""
    given: list[str] | None = config.getoption(f"--binder-{name}")
    return given or [each for each in os.environ.get(_variable(name), "").split(os.pathsep) if each]


def _variable(name: str) -> str:
    return f"BINDER_HARNESS_{name.upper().replace('-', '_')}"


def _value(config: pytest.Config, name: str, parse: Callable[[str], ValueT]) -> ValueT | None:
    """The parsed value of the option or its environment variable; None where neither is set."""
    option: str | None = config.getoption(f"--binder-{name}")
    variable = _variable(name)
    text = option if option is not None else os.environ.get(variable)
    if not text:
        return None
    try:
        return parse(text)
    except UsageError as error:
        raise pytest.UsageError(f"--binder-{name} (or {variable}): {error}") from error


def _target(text: str) -> Target:
    from emulator.target import parse_target

    return parse_target(text)


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise UsageError(f"{text!r} is neither yes nor no.")
    return text == "yes"


def _seconds(text: str) -> float:
    from harness.experiments.core.time_limit import seconds_in

    return seconds_in(text)
