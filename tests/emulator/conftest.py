"""Fixtures of the tests that get devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.far_side import FarSide, serving


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarSide]:
    """A machine reached over SSH: this one, by another door."""
    with serving(tmp_path, monkeypatch) as far_side:
        yield far_side
