"""Calls of methods that Android's FileDescriptor has and OpenJDK's lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.build.java.descriptors import redirect_descriptors, redirected

OURS = "harness.runtime.FileDescriptors"


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("return mFd.getInt$();", f"return {OURS}.getInt(mFd);"),
        ('"/proc/self/fd/" + fd.getInt$());', f'"/proc/self/fd/" + {OURS}.getInt(fd));'),
        ("fds[i] = mFds[i].getInt$();", f"fds[i] = {OURS}.getInt(mFds[i]);"),
        ("fd = file.getFileDescriptor().getInt$();", f"fd = {OURS}.getInt(file.getFileDescriptor());"),
        (
            "protect(socket.getFileDescriptor$().getInt$());",
            f"protect({OURS}.getInt(socket.getFileDescriptor$()));",
        ),
        (".mapToInt(fd -> fd.getInt$())", f".mapToInt(fd -> {OURS}.getInt(fd))"),
        ("this.fd.getInt$()", f"{OURS}.getInt(this.fd)"),
        ("f(a.getInt$(), b.getInt$())", f"f({OURS}.getInt(a), {OURS}.getInt(b))"),
        ("fd.getOwnerId$() != FileDescriptor.NO_OWNER", f"{OURS}.getOwnerId(fd) != {OURS}.NO_OWNER"),
        ("fd.setOwnerId$(ownerId);", f"{OURS}.setOwnerId(fd, ownerId);"),
        ("FileDescriptor copy = fd.release$();", f"FileDescriptor copy = {OURS}.release(fd);"),
        ("if (fd.isSocket$()) {", f"if ({OURS}.isSocket(fd)) {{"),
        ("original.setInt$(pfd.detachFd());", f"{OURS}.setInt(original, pfd.detachFd());"),
        ("fd.setInt$(cr.openFile(uri,\n    mode));", f"{OURS}.setInt(fd, cr.openFile(uri,\n    mode));"),
    ],
)
def test_they_lead_to_a_class_of_ours(source: str, result: str) -> None:
    assert redirected(source) == result


@pytest.mark.parametrize(
    "source", ["value.getInt()", "made(of(this)).getInt$()", "public int getInt$() {", ""]
)
def test_other_code_stays_as_it_is(source: str) -> None:
    assert redirected(source) == source


def test_all_files_are_rewritten_and_others_left(tmp_path: Path) -> None:
    uses, other, text = tmp_path / "a/Uses.java", tmp_path / "b/Other.java", tmp_path / "b/fd.getInt$().txt"
    for file, content in ((uses, "x = fd.getInt$();"), (other, "class Other {}"), (text, "fd.getInt$()")):
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    redirect_descriptors([tmp_path / "a", tmp_path / "b"])
    assert uses.read_text() == f"x = {OURS}.getInt(fd);"
    assert (other.read_text(), text.read_text()) == ("class Other {}", "fd.getInt$()")
