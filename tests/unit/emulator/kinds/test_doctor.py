"""What `doctor` reports about this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.cache.store import entry
from emulator.kinds.doctor import Check, checks


def cache_check() -> Check:
    (found,) = (check for check in checks() if check.name == "cache")
    return found


def test_the_cache_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "cache"
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(root))
    assert cache_check() == Check("cache", True, f"{root} is empty; the first run fills it")

    def build(target: Path) -> None:
        (target / "file").write_bytes(bytes(2_000_000))

    entry("one", "a" * 64, build)
    assert cache_check() == Check("cache", True, f"{root} has 1 entry; its size: `binder-harness cache`")
    entry("another", "a" * 64, build)
    assert cache_check() == Check("cache", True, f"{root} has 2 entries; their sizes: `binder-harness cache`")


def test_a_cache_that_cannot_be_created_is_fixed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "occupied").touch()
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "occupied"))
    assert (cache_check().ok, "BINDER_HARNESS_CACHE" in cache_check().fix) == (False, True)
