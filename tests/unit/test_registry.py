from __future__ import annotations

import pytest

from emulator.errors import UsageError
from harness.registry import Registry


@pytest.fixture
def registry() -> Registry[str]:
    registry: Registry[str] = Registry("claim", "tests.emulator")
    for name in ("mmap.once", "mmap.first-page", "mmapping.other", "copy.once"):
        registry.add(name, name)
    return registry


@pytest.mark.parametrize(
    ("patterns", "meant"),
    [
        ([], ["mmap.once", "mmap.first-page", "mmapping.other", "copy.once"]),
        (["mmap"], ["mmap.once", "mmap.first-page"]),
        (["mmap."], ["mmap.once", "mmap.first-page"]),
        (["mmap.*", "mmap.once"], ["mmap.once", "mmap.first-page"]),
        (["copy.once", "*.first-*"], ["mmap.first-page", "copy.once"]),
    ],
)
def test_selects_by_name_prefix_and_glob(
    registry: Registry[str], patterns: list[str], meant: list[str]
) -> None:
    assert registry.select(patterns) == meant


def test_an_unknown_name_lists_what_there_is_closest_first(registry: Registry[str]) -> None:
    with pytest.raises(UsageError, match=r"no claim 'copy\.one'\. There are: copy\.once, .*mmapping"):
        registry.get("copy.one")
    with pytest.raises(UsageError, match=r"no claim 'bind'"):
        registry.select(["mmap", "bind"])


def test_a_name_is_given_once(registry: Registry[str]) -> None:
    with pytest.raises(ValueError, match=r"mmap\.once"):
        registry.add("mmap.once", "another")
