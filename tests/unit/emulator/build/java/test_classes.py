"""What a compilation of AOSP's Java has to show, and which natives are called in ART's own way."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import pytest

from emulator.base.errors import SetupError
from emulator.build.java.classes import check, compile_java, errors, write_jar
from emulator.build.java.critical_natives import critical_methods
from emulator.build.java.release import JAVA_10, JAVA_14, JAVA_RELEASES, JavaRelease

LOG = """\
----------
1. ERROR in /tmp/x/base/core/java/android/content/Intent.java (at line 10575)
\tcom.android.internal.R.styleable.Intent);
\t^^^^^^^^^^^^^^^^^^^^^^
com.android.internal.R cannot be resolved to a variable
----------
2. ERROR in /tmp/x/base/core/java/android/view/View.java (at line 7)
\tChunk x;
\t^^^^^
Chunk cannot be resolved to a type
----------
"""
IN_PARCEL = """\
3. ERROR in /tmp/x/base/core/java/android/os/Parcel.java (at line 12)
\tproto.write(X);
\t            ^
X cannot be resolved to a variable
----------
"""


def test_errors_are_found_by_class() -> None:
    assert errors(LOG + IN_PARCEL) == {
        "android/content/Intent": [(10575, "com.android.internal.R cannot be resolved to a variable")],
        "android/view/View": [(7, "Chunk cannot be resolved to a type")],
        "android/os/Parcel": [(12, "X cannot be resolved to a variable")],
    }


@pytest.fixture(params=JAVA_RELEASES.values(), ids=str)
def release(request: pytest.FixtureRequest) -> JavaRelease:
    found: JavaRelease = request.param
    return found


@pytest.fixture
def compiled(release: JavaRelease, tmp_path: Path) -> Path:
    """A directory with the classes that have to be there."""
    for name in (*release.clean, *release.clean_but_for_absent):
        file = tmp_path / f"{name}.class"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def test_what_asks_for_resources_may_have_errors_and_what_nobody_uses(
    release: JavaRelease, compiled: Path
) -> None:
    check(release, LOG, compiled)


def test_a_class_that_is_missing_is_refused(release: JavaRelease, compiled: Path) -> None:
    (compiled / "android/os/Parcel.class").unlink()
    with pytest.raises(SetupError, match="android/os/Parcel is missing"):
        check(release, LOG, compiled)


@pytest.mark.parametrize(
    "message",
    [
        "The import android.net.ConnectivityManager cannot be resolved",
        "ConnectivityManager cannot be resolved to a type",
        "Type mismatch: cannot convert from ConnectivityManager to ConnectivityManager",
        "The method clearDnsCache() is undefined for the type InetAddress",
        "CODE_PATH_TYPE_SPLIT_APK cannot be resolved or is not a field",
        "The method registerAppInfo(String, String[]) in the type VMRuntime is not applicable for the "
        "arguments (String, String, String, String[], int)",
    ],
)
def test_what_is_absent_from_one_release_may_be_missed_there(message: str, tmp_path: Path) -> None:
    release = dataclasses.replace(JAVA_14, clean=(), clean_but_for_absent=("android/app/ActivityThread",))
    (tmp_path / "android/app").mkdir(parents=True)
    (tmp_path / "android/app/ActivityThread.class").touch()
    text = LOG.replace("content/Intent", "app/ActivityThread")
    problem = "com.android.internal.R cannot be resolved to a variable"

    check(release, text.replace(problem, message), tmp_path)
    with pytest.raises(SetupError, match="ActivityThread, line 10575: X"):
        check(release, text.replace(problem, f"X{message}"), tmp_path)


def test_an_error_in_a_class_that_matters_is_refused(release: JavaRelease, compiled: Path) -> None:
    with pytest.raises(SetupError, match=r"android/os/Parcel, line 12: X cannot be resolved"):
        check(release, LOG + IN_PARCEL, compiled)


def test_a_missing_resource_is_an_error_where_nothing_may_be_missing(
    release: JavaRelease, compiled: Path
) -> None:
    assert "android/app/ContextImpl" in release.clean
    with pytest.raises(SetupError, match="ContextImpl"):
        check(release, LOG.replace("content/Intent", "app/ContextImpl"), compiled)


def test_a_jar_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    """Its time is 0, the one that a class data archive does not compare."""
    (tmp_path / "classes/a").mkdir(parents=True)
    (tmp_path / "classes/a/B.class").write_bytes(b"content")

    write_jar(tmp_path / "classes", tmp_path / "one.jar")
    write_jar(tmp_path / "classes", tmp_path / "two.jar")

    assert (tmp_path / "one.jar").read_bytes() == (tmp_path / "two.jar").read_bytes()
    assert (tmp_path / "one.jar").stat().st_mtime == 0
    assert zipfile.ZipFile(tmp_path / "one.jar").namelist() == ["a/B.class"]


def test_natives_are_critical_where_the_annotation_is_theirs() -> None:
    source = """
        // @CriticalNative in a comment
        @CriticalNative
        private static native int nativeDataSize(long nativePtr);
        @FastNative
        private static native void nativeWriteInt(long nativePtr, int val);
        @CriticalNative
        @UnsupportedAppUsage
        public static final native long clearCallingIdentity();
        private static native String nativeReadString(long nativePtr);
    """

    assert list(critical_methods(source)) == ["nativeDataSize", "clearCallingIdentity"]


def compiler(directory: Path, script: str) -> Path:
    """A program in the place of java, which gets its options, and `-log FILE` among them."""
    program = directory / "java"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def test_errors_in_sources_do_not_fail_a_compilation(tmp_path: Path) -> None:
    java = compiler(tmp_path, 'while [ "$1" != -log ]; do shift; done; echo "2 problems" > "$2"; exit 255')

    assert compile_java(JAVA_10, java, tmp_path / "ecj.jar", [], tmp_path / "classes") == "2 problems\n"


def test_a_compiler_that_does_not_run_is_an_error_with_its_words(tmp_path: Path) -> None:
    java = compiler(tmp_path, "echo There is insufficient memory >&2; exit 1")

    with pytest.raises(SetupError, match="There is insufficient memory"):
        compile_java(JAVA_10, java, tmp_path / "ecj.jar", [], tmp_path / "classes")
