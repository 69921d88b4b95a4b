"""AOSP's queue of broadcasts, taken out of Debian's sources where they are to be had."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.build.generation import ANDROID_14
from emulator.build.java import broadcast_queue as module
from emulator.build.java.broadcast_queue import CLASSES, SERVER, SURROUNDINGS, TAGS, broadcast_queue
from emulator.build.java.release import JAVA_10, JavaRelease

TAGS_TEXT = "option java_package com.android.server.am\n30024 am_broadcast_discard_filter (User|1|5)\n"


def package(directory: Path) -> Path:
    """The tarball of a source package with the queue, and more."""
    sources = directory / "sources"
    for name in (*(f"{SERVER}/{each}.java" for each in (*CLASSES, "am/ActivityManagerService")), TAGS):
        file = sources / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TAGS_TEXT if name == TAGS else f"// {file.stem}")
    files = directory / "files"
    files.mkdir()
    with tarfile.open(files / "android-framework-23_6.0.1.orig.tar.xz", "w:xz") as tar:
        tar.add(sources / "frameworks", "frameworks")
    return files


def test_its_classes_alone_are_taken_and_the_event_log_s_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "source_package", lambda _: package(tmp_path))
    found, surroundings = broadcast_queue(JAVA_10)
    server = found / "com/android/server"
    taken = {path.relative_to(server).with_suffix("").as_posix() for path in server.rglob("*.java")}
    assert taken == {*CLASSES, "am/EventLogTags"}
    assert "AM_BROADCAST_DISCARD_FILTER = 30024" in (server / "am/EventLogTags.java").read_text()
    assert surroundings == SURROUNDINGS
    ours = {
        path.relative_to(surroundings / "com/android/server").with_suffix("").as_posix()
        for path in surroundings.rglob("*.java")
    }
    assert not taken & ours


def test_where_it_cannot_be_had_the_stand_in_has_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(_: object) -> Path:
        raise SetupError("Debian's bullseye has no source package android-framework-23.")

    monkeypatch.setattr(module, "source_package", missing)
    assert broadcast_queue(JAVA_10) == ()
    assert "has a queue of its own: Debian's bullseye has no" in caplog.text


def test_it_is_not_looked_for_where_it_would_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "source_package", None)
    later = JavaRelease(
        ANDROID_14, JAVA_10.base, JAVA_10.native, JAVA_10.java_directories, JAVA_10.aidl_directories, "17"
    )
    assert broadcast_queue(later) == ()
