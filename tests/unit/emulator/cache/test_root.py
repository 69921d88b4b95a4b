"""Where the cache is, and which places are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.cache.root import cache_root


def test_a_cache_that_cannot_be_created_names_the_variable_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "occupied").touch()
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "occupied" / "cache"))
    with pytest.raises(SetupError, match="BINDER_HARNESS_CACHE"):
        cache_root()


def test_a_relative_xdg_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BINDER_HARNESS_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    assert cache_root() == tmp_path / ".cache" / "binder-harness"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_root() == tmp_path / "caches" / "binder-harness"


def test_a_cache_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BINDER_HARNESS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = cache_root()
    monkeypatch.setattr("os.geteuid", lambda: root.stat().st_uid + 1)
    with pytest.raises(SetupError, match=rf"{root} belongs to another user.*sudo -H"):
        cache_root()
