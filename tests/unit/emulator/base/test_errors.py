"""The tree of errors in the documentation is the tree of the classes."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.base import errors
from emulator.base.errors import HarnessError, SetupError, did_you_mean, interruption_behind

ROOT = Path(errors.__file__).parents[2]
LINE = re.compile(r"^( *)(\w+) +(\d) +([A-Z_]+)(?:  ([\w.]+))?$", re.MULTILINE)


@pytest.fixture(scope="module", autouse=True)
def _all_errors() -> None:
    for package in ("emulator", "harness"):
        for path in (ROOT / package).rglob("*.py"):
            if re.search(r"^class \w+Error\(", path.read_text(), re.MULTILINE):
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def lines(error: type[HarnessError], depth: int = 0) -> Iterator[tuple[int, str, int, str, str]]:
    elsewhere = "" if error.__module__ == errors.__name__ else error.__module__
    yield depth, error.__name__, error.exit_code.value, error.exit_code.name, elsewhere
    below = [each for each in error.__subclasses__() if each.__module__.startswith(("emulator.", "harness."))]
    for subclass in sorted(below, key=lambda each: (each.__module__ != errors.__name__, each.__name__)):
        yield from lines(subclass, depth + 1)


def test_the_documented_tree_is_that_of_the_classes() -> None:
    documented = [
        (len(indent) // 2 - 1, name, int(code), meaning, module)
        for indent, name, code, meaning, module in LINE.findall(errors.__doc__ or "")
    ]
    assert documented == list(lines(HarnessError))


def test_an_interruption_is_found_behind_an_error_of_the_clean_up() -> None:
    interruption = KeyboardInterrupt()
    with pytest.raises(SetupError) as raised:  # noqa: PT012
        try:
            raise interruption
        finally:
            raise SetupError("cannot be closed")
    assert interruption_behind(raised.value) is interruption
    assert interruption_behind(SetupError("nothing before it")) is None


@pytest.mark.parametrize(
    ("word", "most", "hint"),
    [
        ("embeded", 1, " Did you mean embedded?"),
        ("bed", 2, " Did you mean embedded?"),
        ("avd", 3, " Did you mean avd:a, avd:b or avd:c?"),
        ("A AVD", 1, " Did you mean avd:a?"),
        ("d.avd", 1, " Did you mean avd:a?"),
        ("cuttlefish", 3, ""),
        ("?", 3, ""),
        ("", 3, ""),
    ],
)
def test_a_misspelt_name_is_answered_with_those_near_it(word: str, most: int, hint: str) -> None:
    assert did_you_mean(word, ["embedded", "avd:a", "avd:b", "avd:c", "avd:d"], most) == hint
