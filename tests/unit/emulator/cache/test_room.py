"""A cache that cannot be written is an error with its reason and its remedy, wherever that is noticed."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from emulator.base.errors import SetupError
from emulator.cache import run_directory, store
from emulator.cache.room import room_in
from emulator.cache.root import cache_root
from emulator.kinds.doctor import checks


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_an_entry_that_cannot_be_written_names_the_cache(root: Path, number: int) -> None:
    def build(_: Path) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(SetupError, match=f"The cache in {root} cannot be written: {os.strerror(number)}"):
        store.entry("thing", "a" * 64, build)
    assert [path.name for path in root.iterdir()] == [store.LOCKS]


def test_a_run_without_room_for_its_directory_names_the_cache(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with (
        pytest.raises(SetupError, match=rf"The cache in {root} .* Free some space there"),
        run_directory.run_directory(),
    ):
        pass


@pytest.mark.parametrize(("file", "is_ours"), [("locks/thing.lock", True), ("../elsewhere", False)])
def test_only_a_file_of_the_cache_makes_it_another_user_s(root: Path, file: str, is_ours: bool) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.path.normpath(root / file))
    with pytest.raises(SetupError if is_ours else PermissionError), room_in(root):
        raise error


def test_a_cache_on_a_read_only_file_system_is_noticed_at_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != root)  # access(2): EROFS, for root, too
    with pytest.raises(SetupError, match=f"The cache directory {root} cannot be written"):
        cache_root()
    (check,) = (check for check in checks() if check.name == "cache")
    assert (check.ok, "cannot be written" in check.detail) == (False, True)


def test_other_errors_stay_what_they_are(root: Path) -> None:
    with pytest.raises(FileNotFoundError), room_in(root):
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_a_cache_that_is_nearly_full_is_noticed_by_doctor(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.mkdir()
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10 << 20))
    (check,) = (check for check in checks() if check.name == "cache")
    assert not check.ok
    assert check.detail.startswith(f"{root} has 10 MiB free")
