"""A pytest plugin: tells whoever started the run, over a pipe, each note and line of progress as it comes.

One line of JSON for each: {"note": …}, as in harness.report.run, or {"said": "starting embedded …"}.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator

import pytest

from emulator.base.progress import reporting_to
from harness.experiments.core.json_values import Json
from harness.plugin.devices import PROGRESS
from harness.plugin.reports import NOTE

OPTION = "--binder-notes"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that names the pipe."""
    parser.getgroup("binder-harness").addoption(
        OPTION, type=int, required=True, metavar="DESCRIPTOR", help="tell all that happens over this pipe"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to tell."""
    config.pluginmanager.register(Teller(config.getoption(OPTION)), "binder-harness-notes")


class Teller:
    """Writes to the pipe."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = os.fdopen(descriptor, "w", buffering=1)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Have all progress told, that of a device's start and that of an experiment."""
        session.config.stash[PROGRESS] = self._say
        with reporting_to(self._say):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on the note of a report."""
        note = vars(report).get(NOTE)
        if note is not None:
            self._tell({"note": note})

    def _say(self, line: str) -> None:
        self._tell({"said": line})

    def _tell(self, message: Json) -> None:
        self._pipe.write(json.dumps(message) + "\n")
