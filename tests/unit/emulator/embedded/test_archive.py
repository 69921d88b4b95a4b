from __future__ import annotations

import subprocess
from pathlib import Path

from emulator.embedded.archive import Archive


def example() -> bytes:
    archive = Archive()
    archive.directory("dir", mode=0o771, owner=2000)
    archive.file("dir/file", b"odd", mode=0o755)
    archive.file("empty", b"")
    archive.link("link", "dir/file")
    archive.character_device("null", 1, 3, mode=0o666)
    return archive.finish()


def test_busybox_reads_back_what_was_written(tmp_path: Path) -> None:
    from emulator.build.userland import busybox

    listed = subprocess.run(
        [busybox(), "cpio", "-itv"], input=example(), capture_output=True, check=True, timeout=20
    ).stdout.decode()
    lines = [line.split() for line in listed.splitlines()]
    assert [(line[0], line[1]) for line in lines] == [
        ("drwxrwx--x", "2000/2000"),
        ("-rwxr-xr-x", "0/0"),
        ("-rw-r--r--", "0/0"),
        ("lrwxrwxrwx", "0/0"),
        ("crw-rw-rw-", "0/0"),
    ]
    assert lines[3][-1] == "dir/file"
    subprocess.run(
        [busybox(), "cpio", "-i", "dir/*", "dir"], input=example(), cwd=tmp_path, check=True, timeout=20
    )
    assert (tmp_path / "dir" / "file").read_bytes() == b"odd"


def test_equal_input_gives_an_equal_archive() -> None:
    assert example() == example()
