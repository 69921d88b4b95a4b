from __future__ import annotations

import pytest

from emulator.base.errors import UsageError
from harness.experiments.core.registry import Registry


@pytest.fixture
def registry() -> Registry[str]:
    registry: Registry[str] = Registry("claim", "tests.emulator", listed_by="harness list")
    for name in ("mmap.once", "mmap.first-page", "mmapping.other", "copy.once"):
        registry.add(name, name, registry_function)
    return registry


def registry_function() -> None: ...


def other_function() -> None: ...


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([], ["mmap.once", "mmap.first-page", "mmapping.other", "copy.once"]),
        (["mmap"], ["mmap.once", "mmap.first-page"]),
        (["mmap."], ["mmap.once", "mmap.first-page"]),
        (["mmap.*", "mmap.once"], ["mmap.once", "mmap.first-page"]),
        (["copy.once", "*.first-*"], ["mmap.first-page", "copy.once"]),
    ],
)
def test_selects_by_name_prefix_and_glob(
    registry: Registry[str], patterns: list[str], names: list[str]
) -> None:
    assert registry.select(patterns) == names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("copy.one", " Did you mean copy.once or "),
        ("once", " Did you mean mmap.once or copy.once?"),
        ("map", " Did you mean mmap.once, "),
        ("coppy", " Did you mean copy?"),
        ("ONCE copied", ""),
        ("Once, copy", " Did you mean copy.once?"),
        ("bind", ""),
    ],
)
def test_an_unknown_name_is_answered_with_those_near_it(
    registry: Registry[str], name: str, hint: str
) -> None:
    for lookup in (lambda: registry.get(name), lambda: registry.select(["mmap", name])):
        with pytest.raises(UsageError) as refused:
            lookup()
        message = str(refused.value)
        assert message.startswith(f"There is no claim {name!r}.{hint}")
        assert message.endswith("All of them: harness list")
        assert len(message) < 120


def test_a_name_is_given_once_and_both_places_are_named(registry: Registry[str]) -> None:
    with pytest.raises(ValueError, match=r"mmap\.once: one in .*py, line \d+, one in .*py, line \d+"):
        registry.add("mmap.once", "another", other_function)
    assert registry.get("mmap.once") == "mmap.once"


def test_what_the_same_lines_declare_again_takes_the_place(registry: Registry[str]) -> None:
    registry.add("mmap.once", "once more", registry_function)
    assert registry.get("mmap.once") == "once more"
