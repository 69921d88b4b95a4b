"""Fixtures of the tests that get devices."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from emulator.base.deadline import Deadline
from emulator.base.lock_file import lock_file, take
from emulator.cache.root import cache_root
from tests.emulator.ssh_server import SshServer, ssh_server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    """A machine reached over SSH: this one, with another home directory."""
    with ssh_server(tmp_path, monkeypatch) as running:
        yield running


@pytest.fixture
def images_there(server: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The server has the kernels and images that earlier tests put there."""
    kept, there = tmp_path_factory.getbasetemp() / "put-on-hosts", server.ours / "files"
    _link_all(kept, there)
    yield
    _link_all(there, kept)


def _link_all(files: Path, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in files.glob("*"):
        with contextlib.suppress(FileExistsError):
            os.link(file, directory / file.name)


@pytest.fixture
def cuttlefish_ports() -> Iterator[None]:
    """For one test at a time on this machine: an instance's number fixes its ports."""

    def take_turns(file: IO[str]) -> None:
        Deadline(300.0).poll(lambda: take(file), "the end of another test's Cuttlefish")

    path = cache_root() / "cuttlefish-of-a-test.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path, take_turns):
        yield
