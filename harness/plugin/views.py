"""Sends the events of a run to their view: pytest's terminal, unless a front end has set another."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from emulator.base.printable import printable

if TYPE_CHECKING:
    from harness.report.events import Event, View

VIEW: pytest.StashKey[View] = pytest.StashKey()
"""On the config: the view of each event; without one, pytest's terminal shows the lines of progress."""


def show(config: pytest.Config, event: Event) -> None:
    """Show an event of the run."""
    config.stash.get(VIEW, lambda event: _on_terminal(config, event))(event)


def show_line(config: pytest.Config, target: str, text: str) -> None:
    """Show a line of progress."""
    from harness.report.events import Line

    show(config, Line(target=target, text=text))


def _on_terminal(config: pytest.Config, event: Event) -> None:
    from harness.report.events import Line

    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or not isinstance(event, Line):
        return
    capture = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        terminal.ensure_newline()
        terminal.write_line(printable(event.text))
