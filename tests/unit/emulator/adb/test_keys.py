"""The key that devices of ours trust: adb's own, or one that is made where there is none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from emulator.adb.client import adb_path
from emulator.adb.keys import ENCODED_SIZE, private_key_file, public_key
from emulator.base.errors import SetupError

KEY = base64.b64encode(bytes(ENCODED_SIZE)).decode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def no_adb() -> str:
    raise AssertionError("adb was asked")


def test_an_existing_key_is_read_without_its_comment() -> None:
    private_key_file().parent.mkdir()
    private_key_file().with_suffix(".pub").write_text(f"{KEY} user@host\n")
    assert public_key(no_adb) == KEY


def test_a_missing_key_is_made_where_adb_looks_for_it() -> None:
    made = public_key(adb_path)
    assert len(base64.b64decode(made)) == ENCODED_SIZE
    assert private_key_file().stat().st_mode & 0o777 == 0o600
    assert public_key(no_adb) == made


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe", b"QUJD user@host", KEY.encode()[:-4]])
def test_a_damaged_public_half_is_computed_from_the_private_one(damaged: bytes) -> None:
    made = public_key(adb_path)
    private_key_file().with_suffix(".pub").write_bytes(damaged)
    assert public_key(adb_path) == made


def test_a_file_that_holds_no_key_is_named() -> None:
    private_key_file().parent.mkdir()
    private_key_file().write_text("no key")
    with pytest.raises(SetupError, match=rf"{private_key_file()} holds no key, move it"):
        public_key(adb_path)
