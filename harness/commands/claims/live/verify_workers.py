"""A pytest plugin for `verify` under pytest-xdist: a second signal does not stop a worker's cleanup."""

from __future__ import annotations

import pytest

from emulator.base.interruption import raise_on_signals


def pytest_configure(config: pytest.Config) -> None:
    """In a worker, which gets Ctrl-C from the terminal, too, let only the first signal raise."""
    if hasattr(config, "workerinput"):
        raise_on_signals()
