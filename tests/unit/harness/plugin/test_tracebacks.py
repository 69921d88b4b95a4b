from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "no:binder_harness", "-p", "harness.plugin.plugin")
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        """
        from harness.binder import Parcel, ParcelReader

        def test_wrong_type():
            Parcel().int32("a")

        def test_error_of_ours():
            ParcelReader(b"").string16()

        def test_mistake_of_ours(monkeypatch):
            monkeypatch.setattr("harness.binder.parcels.reader.padding", lambda *_: {}["no"])
            ParcelReader(b"abcd").int32()
        """
    )


def test_a_failing_test_shows_its_own_lines(pytester: pytest.Pytester) -> None:
    """An error that says what happened is not at the end of pages of our code; a mistake of ours is."""
    result = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider")
    result.assert_outcomes(failed=3)
    wrong, ours, mistake = result.stdout.str().split("____ test_")[1:4]
    assert 'Parcel().int32("a")' in wrong
    assert "TypeError: Parcel.int32: value is 'a'" in wrong
    assert "argument_types.py" not in wrong
    assert "ParcelError: " in ours
    assert "reader.py" not in ours
    assert "reader.py" in mistake.partition("short test summary")[0]


def test_all_frames_are_there_where_they_are_asked_for(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*PLUGIN, "--full-trace", "-k", "error_of_ours")
    assert "reader.py" in result.stdout.str()
