"""AVDs on the disk, and the ini files of the emulator."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import SetupError
from emulator.host.this_machine import ThisMachine
from emulator.kinds.sdk.avd import avd_below, find_avd, ini_text, parse_ini
from tests.emulator.doubles.sdk_files import make_avd

HERE = ThisMachine()
KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_.]*", fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="\x85")).map(
    str.strip
)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's home; nothing else says where AVDs are."""
    for variable in (
        "ANDROID_AVD_HOME",
        "ANDROID_PREFS_ROOT",
        "ANDROID_SDK_HOME",
        "TEST_TMPDIR",
        "USER_HOME",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@given(st.dictionaries(KEYS, VALUES))
def test_what_is_written_is_read(values: dict[str, str]) -> None:
    assert parse_ini(ini_text(values)) == values


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    values = parse_ini(text)
    assert all(key and key == key.strip() and not key.startswith(("#", ";")) for key in values)


def test_comments_blanks_and_repetitions() -> None:
    text = "# a=1\n;b=2\n\nno separator\nhw.ramSize = 2048 \r\nhw.ramSize=4096\nempty=\n=nothing\npath=/a=b\n"
    assert parse_ini(text) == {"hw.ramSize": "4096", "empty": "", "path": "/a=b"}


def test_an_avd_is_what_its_files_say(home: Path) -> None:
    content = make_avd(home, "pixel")
    avd = find_avd(HERE, "pixel")
    assert (avd.directory, avd.home) == (str(content), str(content.parent))
    assert (avd.booted, avd.user_build, avd.snapshots) == (True, False, ("default_boot",))
    make_avd(home, "fresh", booted=False)
    fresh = find_avd(HERE, "fresh")
    assert (fresh.booted, fresh.snapshots) == (False, ())


@pytest.mark.parametrize(
    "config",
    [
        {"PlayStore.enabled": "true"},
        {"PlayStore.enabled": "yes"},
        {"tag.id": "google_apis_playstore"},
        {"tag.ids": "page_size_16kb,google_apis_playstore_ps16k"},
    ],
)
def test_images_with_the_play_store_are_user_builds(home: Path, config: dict[str, str]) -> None:
    make_avd(home, "play", booted=True, **config)
    assert find_avd(HERE, "play").user_build


def test_an_avd_that_was_moved_is_found_by_its_relative_path(home: Path) -> None:
    content = make_avd(home, "moved")
    (content.parent / "moved.ini").write_text("path=/nowhere/moved.avd\npath.rel=avd/moved.avd\n")
    assert find_avd(HERE, "moved").directory == str(content)


def test_the_users_own_place_comes_first(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_avd(home, "pixel")
    elsewhere = make_avd(tmp_path / "other", "pixel")
    monkeypatch.setenv("ANDROID_AVD_HOME", str(elsewhere.parent))
    assert find_avd(HERE, "pixel").directory == str(elsewhere)


def test_files_that_are_missing_are_named(home: Path) -> None:
    with pytest.raises(SetupError, match=r"pixel.ini is in none of .*Set ANDROID_AVD_HOME"):
        find_avd(HERE, "pixel")
    content = make_avd(home, "pixel")
    (content / "config.ini").unlink()
    with pytest.raises(SetupError, match=r"no config.ini there.*avdmanager create avd"):
        avd_below(HERE, "pixel", [str(content.parent)])
