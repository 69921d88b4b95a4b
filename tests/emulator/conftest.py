"""Fixtures of the tests that get devices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.ssh_server import SshServer, ssh_server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """A machine reached over SSH: this one, with another home directory."""
    with ssh_server(tmp_path, monkeypatch) as running:
        yield running
