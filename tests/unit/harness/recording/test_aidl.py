from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.base.errors import UsageError
from harness.recording.aidl import META_METHODS, parse_aidl, read_aidl

WHOLE = """\
/* { */ package android.os;
import a.b.C; // interface X {
@VintfStability @Backing(type="int(")
oneway interface IThing {
    const int BIT = (1 << 3);
    const String TEXT = "a; \\" }";
    void first(in @nullable(heap=true) List<String> names, out int[] numbers);
    @utf8InCpp String second();
    @Enforce(value={1, 2}) oneway void third(int x);
    parcelable Inner { int x = 3; @Backing(type="int") enum Kind { A = 1, B, } }
    Map<String, List<int[]>> fourth();
}
parcelable Other<T> cpp_header "other.h";
parcelable Size { int width; interface ICallback { void done() = 5; } }
union Either { int number; String text; }
enum Kind { A, B = 3 }
interface IDeclared;
@Descriptor(value="an.old.Name") interface IRenamed { int get() = 0x10; int set(int x) = 7; }
"""


def test_a_whole_file() -> None:
    found = parse_aidl(WHOLE)
    assert found.keys() == {"android.os.IThing", "android.os.Size.ICallback", "an.old.Name"}
    assert found["android.os.IThing"] == META_METHODS | {1: "first", 2: "second", 3: "third", 4: "fourth"}
    assert found["android.os.Size.ICallback"] == META_METHODS | {6: "done"}
    assert found["an.old.Name"] == META_METHODS | {17: "get", 8: "set"}


NAMES = st.lists(
    st.from_regex(r"[a-z][a-zA-Z0-9]{0,8}_", fullmatch=True), min_size=1, max_size=9, unique=True
)


@given(NAMES, st.data())
def test_numbers_are_those_given_or_those_of_the_order(names: list[str], data: st.DataObject) -> None:
    numbers = data.draw(
        st.none() | st.lists(st.integers(0, 1000), min_size=len(names), max_size=len(names), unique=True)
    )
    ends = [""] * len(names) if numbers is None else [f" = {number}" for number in numbers]
    methods = [
        f"  {'oneway ' * (place % 2)}void {name}(){end};"
        for place, (name, end) in enumerate(zip(names, ends, strict=True))
    ]
    found = parse_aidl("package p;\ninterface I {\n" + "\n".join(methods) + "\n}")
    codes = [number + 1 for number in (range(len(names)) if numbers is None else numbers)]
    assert found == {"p.I": META_METHODS | dict(zip(codes, names, strict=True))}


@given(st.text() | st.lists(st.sampled_from(WHOLE.split())).map(" ".join))
def test_any_text_is_aidl_or_an_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(methods for methods in parse_aidl(text).values())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("package p;\ninterface I {\n  void a()\n}", "line 4: expected ';', found '}'"),
        ("interface I { void a() = x; }", "line 1: expected a method's number, found 'x'"),
        ("class C {}", "one of interface, parcelable, enum, union, not 'class'"),
        ("interface I { void a(", "found the end of the file"),
    ],
)
def test_the_error_says_where(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_aidl(text)


def test_all_files_below_a_folder_are_read_but_for_what_is_no_aidl(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "I.aidl").write_text("package a.b; interface I { void run(); }")
    (tmp_path / "a" / "J.aidl").write_text("interface J { void run")
    (tmp_path / "K.txt").write_text("interface K { void run(); }")
    assert read_aidl(tmp_path).keys() == {"a.b.I"}
    assert "J.aidl is left out: expected" in capsys.readouterr().err


def test_a_folder_without_any_aidl_is_refused(tmp_path: Path) -> None:
    """A misspelt folder left the methods without names, and nobody knew why."""
    (tmp_path / "a").mkdir()
    with pytest.raises(UsageError, match=r"There is no \.aidl file below .*/a\."):
        read_aidl(tmp_path / "a")
