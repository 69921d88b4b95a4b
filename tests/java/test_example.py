"""The example of the page on Java."""

from __future__ import annotations

import runpy

import pytest

from tests.support.documentation import ROOT


def test_the_example_prints_what_was_received_and_the_stacks(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "docs/examples/java_broadcast.py"))

    printed = capsys.readouterr().out
    assert "{'data': 'Notice me senpai!'}" in printed
    assert "    android.app.ContextImpl.sendBroadcast(ContextImpl.java:" in printed
