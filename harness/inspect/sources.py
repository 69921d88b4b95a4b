"""The lines of what is given: files, folders, zips, gzip, standard input; in bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol, cast

from emulator.base.errors import HarnessError, UsageError, reason_of
from emulator.base.lines import without_long_numbers

STANDARD_INPUT = "-"
_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 16
"""Characters; a longer line is read in pieces."""
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27, *range(32, 256)})
_MOST_STRANGE = 0.1
"""The share of control characters and of bytes that are no UTF-8 from which on a file is not text."""
_ZEROS = bytes(64)
"""What ends a text: the rest of a file that was written with holes, or of a crashed kernel's memory."""
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""PowerShell writes UTF-16 where it redirects a program's output."""
_KNOWN_BINARIES = {
    b"\x17\x08\x44tracing": "a file of trace-cmd: give the output of `trace-cmd report FILE`",
    b"TRACE:\nx": "a compressed trace of atrace: give its text, which `atrace` without -z prints",
    b"\x7fELF": "a program",
    b"\x0a": "perhaps a Perfetto trace, which is read with Perfetto's trace_processor",
    b"\x89PNG": "a picture",
}
_OWN_DOCUMENTS = {
    b'"schema": "binder-harness/': "the results of a run: `binder-harness report FILE` shows them, "
    "`binder-harness diff` compares two",
    b'{"format": "binder-harness recording"': "a recording, which Python reads: "
    "harness.recording.exports.json_file.read_recording",
}
"""What begins a JSON document that Binder harness wrote itself."""
_ZIP = b"PK\x03\x04"
_GZIP = b"\x1f\x8b"
_MAIN_ENTRY = "main_entry.txt"
"""Names the main file of a bug report's zip (frameworks/native/cmds/dumpstate/dumpstate.cpp)."""


class UnreadableFileError(HarnessError):
    """A file is not text, or is damaged; the message says what it is and what to give in its place."""


class SupportsRead(Protocol):
    """What bytes can be read from."""

    def read1(self, size: int, /) -> bytes:
        """Up to so many bytes, as soon as there are any; none at the end."""
        ...


class _Refused:
    """In the place of what cannot be opened: reading it says why."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read1(self, size: int, /) -> bytes:  # noqa: ARG002
        raise self._error


class Source:
    """One text, by name; iterate over its lines once."""

    def __init__(self, name: str, stream: SupportsRead, *, one_of_many: bool = False) -> None:
        self.name = name
        self.one_of_many = one_of_many
        """Of a folder or a zip: where it is not text, the others are read."""
        self.note = ""
        """Why it was not read to its end, if so."""
        self._stream = stream

    def __iter__(self) -> Iterator[str]:
        """The lines without their newlines; UnreadableFileError where the text is none."""
        first = self._read()
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS.items() if first.startswith(mark)), "utf-8")
        whole = encoding == "utf-16"  # which has zeros in every character
        if not whole:
            _check_text(self.name, first)
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        rest = ""
        chunk = first
        while chunk:
            text, zeros, _ = (chunk, b"", b"") if whole else chunk.partition(_ZEROS)
            *lines, rest = (rest + decoder.decode(text)).split("\n")
            yield from map(without_long_numbers, lines)
            if zeros:
                self.note = "what follows is not text"
                break
            while len(rest) > _LONGEST_LINE:
                yield without_long_numbers(rest[:_LONGEST_LINE])
                rest = rest[_LONGEST_LINE:]
            chunk = self._read()
        if rest:
            yield without_long_numbers(rest)

    def _read(self) -> bytes:
        try:
            return self._stream.read1(_CHUNK)
        except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
            self.note = f"it is damaged from here on ({error})"
            return b""


@contextmanager
def opened(path: str) -> Iterator[Iterator[Source]]:
    """The texts in a file, a folder, a zip, or standard input (`-`).

    Raises UsageError where there is no such file, UnreadableFileError for what is not text.
    """
    if path == STANDARD_INPUT:
        yield iter([Source("standard input", cast(SupportsRead, sys.stdin.buffer))])
        return
    file = Path(path)
    if file.is_dir():
        yield _in_folder(file)
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {reason_of(error)}") from error
    with stream:
        yield _in_file(path, stream)


def _in_folder(folder: Path) -> Iterator[Source]:
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    if not files:
        raise UsageError(f"{folder}: the folder is empty")
    for each in files:
        try:
            with each.open("rb") as stream:
                for source in _in_file(str(each), stream):
                    source.one_of_many = True
                    yield source
        except (OSError, UnreadableFileError) as error:
            why = error if isinstance(error, UnreadableFileError) else UnreadableFileError(reason_of(error))
            yield Source(str(each), _Refused(why), one_of_many=True)


def _in_file(name: str, stream: io.BufferedReader) -> Iterator[Source]:
    start = stream.peek(len(_ZIP))[: len(_ZIP)]
    if start == _ZIP:
        yield from _in_zip(name, stream)
    elif start.startswith(_GZIP):
        with gzip.open(stream) as unpacked:
            yield Source(name, unpacked)
    else:
        yield Source(name, stream)


def _in_zip(name: str, stream: IO[bytes]) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = _texts(archive)
            for member in members:
                with archive.open(member) as unpacked:
                    text = cast(SupportsRead, unpacked)
                    yield Source(f"{name}/{member}", text, one_of_many=len(members) > 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise UnreadableFileError(
            f"{name}: the zip is damaged or not whole ({error}). Copy it again from the device "
            "(`adb bugreport`), or give the text that can be unpacked from it."
        ) from error


def _texts(archive: zipfile.ZipFile) -> list[str]:
    """The main file of a bug report; of another zip every file that is named like a text."""
    names = archive.namelist()
    if _MAIN_ENTRY in names:
        main = archive.read(_MAIN_ENTRY)[:4096].decode(errors="replace").strip()
        if main in names:
            return [main, *(each for each in names if PurePosixPath(each).match("**/binder_logs/*"))]
    texts = [each for each in names if PurePosixPath(each).suffix in (".txt", ".log", ".rc", "")]
    texts = [each for each in texts if not each.endswith("/")]
    if not texts:
        raise UnreadableFileError("the zip has no text in it: a bug report's has `bugreport-….txt`")
    return texts


def _check_text(name: str, first: bytes) -> None:
    text, zeros, _ = first.partition(_ZEROS)
    own = next((what for start, what in _OWN_DOCUMENTS.items() if start in first[:100]), None)
    if own is not None:
        raise UnreadableFileError(f"{name} has {own}.")
    strange = len(text.translate(None, _TEXT)) + text.decode(errors="replace").count("\ufffd")
    if strange <= len(text) * _MOST_STRANGE and (text or not zeros):
        return
    known = next((what for start, what in _KNOWN_BINARIES.items() if first.startswith(start)), None)
    raise UnreadableFileError(
        f"{name} is not text{f': it is {known}' if known else ''}. Give what the kernel or a command "
        "printed, or a bug report as text or zip."
    )
