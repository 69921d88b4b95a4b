"""Files as they come: packed, in other encodings, damaged, and not text at all."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tracemalloc
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import HarnessError, UsageError
from harness.inspect import reader
from harness.inspect.inspection import Inspection, read, read_sources
from harness.inspect.kinds import Kind
from harness.inspect.sources import Source, UnreadableFileError
from harness.inspect.text import text_of
from tests.unit.harness.inspect.test_inputs import INPUTS

DEADLOCK = (INPUTS / "deadlock.txt").read_bytes()
REPORT = (INPUTS / "bugreport.txt").read_bytes()


def kinds(inspection: Inspection) -> list[Kind]:
    return [section.kind for section in inspection.sections]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(DEADLOCK),
        DEADLOCK.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + DEADLOCK,
        DEADLOCK.replace(b"\n", b"\r\n"),
    ],
    ids=["gzip", "utf-16", "utf-8 with a mark", "crlf"],
)
def test_packed_and_encoded(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").write_bytes(content)
    inspection = read(str(tmp_path / "state"))
    assert kinds(inspection) == [Kind.STATE]
    assert inspection.answers[0].sentence.startswith("DEADLOCK")
    assert inspection.unknown_count == 0


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_the_zip_of_a_bug_report(tmp_path: Path) -> None:
    members = {
        "main_entry.txt": b"bugreport-x.txt\n",
        "bugreport-x.txt": REPORT,
        "FS/data/trace.txt": DEADLOCK,
    }
    inspection = read(str(zipped(tmp_path / "bugreport.zip", **members)))
    assert inspection.reports == 1
    assert {section.place.file for section in inspection.sections} == {
        f"{tmp_path}/bugreport.zip/bugreport-x.txt"
    }


def test_another_zip_and_a_folder(tmp_path: Path) -> None:
    inspection = read(
        str(zipped(tmp_path / "logs.zip", **{"a/state.txt": DEADLOCK, "a/picture.png": b"\x89PNG"}))
    )
    assert kinds(inspection) == [Kind.STATE]
    folder = tmp_path / "binder_logs"
    (folder / "proc").mkdir(parents=True)
    for pid in (1, 2):
        (folder / "proc" / str(pid)).write_text(f"binder proc state:\nproc {pid}\n  thread {pid}: l 12\n")
    inspection = read(str(folder))
    assert kinds(inspection) == [Kind.PROCESS, Kind.PROCESS]
    assert len(inspection.snapshots) == 1


def test_what_is_not_text_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    """An unpacked bug report has pictures and protobufs beside its text; a broken zip may be there, too."""
    (tmp_path / "state").write_bytes(DEADLOCK)
    (tmp_path / "screenshot.png").write_bytes(b"\x89PNG" + os.urandom(500))
    (tmp_path / "old.zip").write_bytes(zipped(tmp_path / "old.zip", a=REPORT).read_bytes()[:-40])
    inspection = read(str(tmp_path))
    assert kinds(inspection) == [Kind.STATE]
    assert inspection.warnings == (
        f"2 files passed over, not being text: {tmp_path}/old.zip, {tmp_path}/screenshot.png",
    )


def test_what_is_not_text_in_a_zip_is_passed_over(tmp_path: Path) -> None:
    inspection = read(str(zipped(tmp_path / "logs.zip", state=DEADLOCK, core=b"\x7fELF" + os.urandom(500))))
    assert kinds(inspection) == [Kind.STATE]
    assert inspection.warnings == (f"1 file passed over, not being text: {tmp_path}/logs.zip/core",)


def test_a_folder_without_any_text(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG" + os.urandom(500))
    with pytest.raises(UnreadableFileError, match=r"has no text in it: .*/4\.png and 2 more$"):
        read(str(tmp_path))


def test_a_file_of_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_bytes(DEADLOCK)
    (tmp_path / "secret").write_bytes(DEADLOCK)
    opened = Path.open

    def refuse(path: Path, *arguments: object, **named: object) -> object:
        if path.name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    inspection = read(str(tmp_path))
    assert kinds(inspection) == [Kind.STATE]
    assert "secret" in inspection.warnings[0]


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert "it is empty" in "".join(text_of(read(str(tmp_path / "state"))))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n  "schema": "binder-harness/results",\n', "the results of a run: .*binder-harness report"),
        ('{"format": "binder-harness recording", "version": 1,', "a recording, .*read_recording"),
    ],
    ids=["results", "recording"],
)
def test_documents_of_its_own(tmp_path: Path, content: str, message: str) -> None:
    """Their sentences name errors of Binder, which were taken for lines of a log."""
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UnreadableFileError, match=message):
        read(str(tmp_path / "run.json"))


UNREAD = """\
== dumpstate: 2024-03-01 12:00:00
------ BINDER STATS (/dev/binderfs/binder_logs/stats) ------
*** Error dumping /dev/binderfs/binder_logs/stats (BINDER STATS): Permission denied
------ BINDER STATE (/sys/kernel/debug/binder/state) ------
*** /sys/kernel/debug/binder/state: No such file or directory
"""


def test_a_file_that_was_not_read_is_none_without_records(tmp_path: Path) -> None:
    """A user build's bug report had `0 processes`, and nothing in it that waits."""
    (tmp_path / "bugreport.txt").write_text(UNREAD)
    inspection = read(str(tmp_path / "bugreport.txt"))
    assert inspection.sections == ()
    assert inspection.unknown_count == 0
    first, second = inspection.warnings
    assert first.startswith(
        f"{tmp_path}/bugreport.txt:3: /dev/binderfs/binder_logs/stats is not in it: Permission denied. "
    )
    assert "/sys/kernel/debug/binder/state is not in it: No such file or directory. " in second


@pytest.mark.parametrize(
    "line",
    [
        "cat: /sys/kernel/debug/binder/state: Permission denied",
        "/system/bin/sh: cat: /d/binder/state: No such file or directory",
    ],
)
def test_what_a_command_wrote_of_a_file_that_it_may_not_read(tmp_path: Path, line: str) -> None:
    (tmp_path / "state").write_text(f"{line}\n")
    (warning,) = read(str(tmp_path / "state")).warnings
    assert "Binder's debug files are root's" in warning


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(DEADLOCK)))
    inspection = read("-")
    assert inspection.sections[0].place.file == "standard input"


@pytest.mark.parametrize("size", [0, 10, 22, 200])
def test_a_truncated_zip(tmp_path: Path, size: int) -> None:
    path = zipped(tmp_path / "bugreport.zip", **{"bugreport-x.txt": REPORT * 20})
    content = path.read_bytes()
    path.write_bytes(content[: size or len(content) - 40])
    with pytest.raises(UnreadableFileError, match="damaged or not whole"):
        read(str(path))


def test_a_truncated_gzip_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    packed = gzip.compress(os.urandom(200_000).hex().encode() + b"\n" + DEADLOCK)
    (tmp_path / "state.gz").write_bytes(packed[:-10])
    inspection = read(str(tmp_path / "state.gz"))
    assert any("damaged from here on" in warning for warning in inspection.warnings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (os.urandom(100_000), "is not text"),
        (bytes(100_000), "is not text"),
        (b"\x7fELF\x02\x01\x01" + bytes(5000), "a program"),
        (b"\x17\x08\x44tracing6\0" + os.urandom(5000), "trace-cmd report"),
    ],
    ids=["random", "zeros", "a program", "trace-cmd"],
)
def test_what_is_not_text(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "junk").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message):
        read(str(tmp_path / "junk"))


def test_two_gigabytes_of_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(UnreadableFileError):
        read(str(tmp_path / "sparse"))


def test_a_text_with_a_hole_is_read_up_to_it(tmp_path: Path) -> None:
    with (tmp_path / "state").open("wb") as file:
        file.write(DEADLOCK)
        file.truncate(2 << 30)
    inspection = read(str(tmp_path / "state"))
    assert inspection.answers[0].sentence.startswith("DEADLOCK")
    assert inspection.warnings == (f"{tmp_path}/state: read up to line 24: what follows is not text",)


def test_no_file_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="is empty"):
        read(str(tmp_path))


def test_an_empty_file_and_one_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    assert read(str(tmp_path / "empty")).sections == ()
    (tmp_path / "poem").write_text("Roses are red,\nviolets are EPERM -22.\n")
    inspection = read(str(tmp_path / "poem"))
    assert (inspection.sections, inspection.unknown_count) == ((), 2)


def test_what_is_too_much_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_CHARACTERS", 200)
    (tmp_path / "state").write_bytes(DEADLOCK)
    assert any("too many to keep" in warning for warning in read(str(tmp_path / "state")).warnings)


def test_memory_is_bounded_whatever_the_size() -> None:
    class Endless:
        """A bug report whose log does not end for 64 MiB, in one line."""

        def __init__(self) -> None:
            self.left = 64 << 20
            self.head = b"------ SYSTEM LOG (logcat) ------\n"

        def read1(self, size: int) -> bytes:
            if self.head:
                head, self.head = self.head, b""
                return head
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    tracemalloc.start()
    try:
        read_sources([Source("report", Endless())])
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@given(
    st.binary(max_size=2000)
    | st.lists(st.sampled_from((REPORT + DEADLOCK).splitlines(keepends=True))).map(b"".join)
)
def test_no_bytes_make_a_traceback(content: bytes) -> None:
    try:
        inspection = read_sources([Source("any", io.BytesIO(content))])
    except HarnessError:
        return
    assert all(answer.places for answer in inspection.answers)
