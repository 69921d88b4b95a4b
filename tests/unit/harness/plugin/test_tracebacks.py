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


def test_a_fixture_that_ends_with_an_error_shows_no_pages_of_contextlib(pytester: pytest.Pytester) -> None:
    """A handler's mistake is raised again when the fixture `binder` closes its endpoints, in an ExitStack."""
    pytester.makepyfile(
        served="""
        __name__ = "harness.served"  # as the plugin's fixtures are

        import pytest
        from contextlib import ExitStack
        from harness.binder.errors import HandlerError

        def fail():
            raise HandlerError("serving on /dev/vndbinder of process 12: ZeroDivisionError")

        @pytest.fixture
        def binder_of_two():
            with ExitStack() as stack:
                stack.callback(fail)
                yield
        """
    )
    pytester.makeconftest("from served import binder_of_two")
    pytester.makepyfile("def test_served(binder_of_two): pass")
    result = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    shown = result.stdout.str()
    assert "serving on /dev/vndbinder" in shown
    assert "_fix_exception_context" not in shown


def test_all_frames_are_there_where_they_are_asked_for(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(*PLUGIN, "--full-trace", "-k", "error_of_ours")
    assert "reader.py" in result.stdout.str()
