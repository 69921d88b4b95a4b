from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from emulator.base.atomic_write import temporary_beside, write_atomically


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomically(file, "old")
    with file.open() as reader:
        write_atomically(file, "new Ω")
        assert reader.read() == "old", "whoever has opened the old file keeps it"
    assert file.read_text(encoding="utf-8") == "new Ω"
    assert names(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "\ud800")
    assert file.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_directory_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "absent" / "file", "text")


def test_a_temporary_file_is_removed_unless_it_was_moved(tmp_path: Path) -> None:
    with temporary_beside(tmp_path / "file") as temporary:
        assert names(tmp_path) == [temporary.name]
    assert names(tmp_path) == []


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (tmp_path / ".guessed.partial").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", "text")
    assert victim.read_text() == "kept"
    assert names(tmp_path) == [".guessed.partial", "victim"]


def test_no_two_temporary_files_have_the_same_name(tmp_path: Path) -> None:
    with temporary_beside(tmp_path / "file") as first, temporary_beside(tmp_path / "file") as second:
        assert first != second


def test_a_file_may_have_the_longest_name_that_there_is(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), "text")
    assert (tmp_path / ("n" * 255)).read_text() == "text"
