"""A pytest plugin of `verify`, for the workers of pytest-xdist: they close what they have open to its end."""

from __future__ import annotations

import pytest

from emulator.base.interruption import raise_on_signals


def pytest_configure(config: pytest.Config) -> None:
    """In a worker, to which Ctrl-C on the terminal comes, too, have the first signal alone raise."""
    if hasattr(config, "workerinput"):
        raise_on_signals()
