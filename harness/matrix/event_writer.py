"""A pytest plugin that writes each event of the run to a pipe, for the process that started the run."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from emulator.base.progress import reporting_to
from harness.plugin.plugin import SETTINGS
from harness.plugin.views import VIEW, show_line
from harness.report.events import Event, View, encode

OPTION = "--binder-events"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that names the pipe."""
    parser.getgroup("binder-harness").addoption(
        OPTION, type=int, required=True, metavar="DESCRIPTOR", help="write the events of the run to this pipe"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Write events to the pipe; nothing else shows them."""
    view: View = EventWriter(config.getoption(OPTION))
    config.stash[VIEW] = view


class EventWriter:
    """A view that writes one line for each event."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = os.fdopen(descriptor, "w", buffering=1, encoding="utf-8")

    def __call__(self, event: Event) -> None:
        """Write an event."""
        self._pipe.write(f"{encode(event)}\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Report all progress: of a device's start and of experiments."""
    config = session.config
    target = str(config.stash[SETTINGS].target)
    with reporting_to(lambda text: show_line(config, target, text)):
        return (yield)
