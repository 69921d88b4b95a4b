"""Collects events from pytest's reports into the result document, suite properties and exit status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from emulator.base.errors import ExitCode, UsageError
from harness.plugin.options import Settings
from harness.plugin.views import show

if TYPE_CHECKING:
    from harness.report.events import Event
    from harness.report.run import Run

EVENTS = "binder_harness_events"
"""The attribute of a test report with its events, encoded, so that xdist sends them to the controller."""


def attach(events: Sequence[Event], report: pytest.TestReport) -> None:
    """Add events to a report."""
    from harness.report.events import encode

    vars(report)[EVENTS] = [encode(event) for event in events]


class Collector:
    """Receives every report of a run: in the controller of xdist, those of its workers."""

    NAME = "binder-harness-collector"

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self._config = config
        self._started = datetime.now(UTC)
        self._interruption: KeyboardInterrupt | None = None
        if settings.json is not None:
            from harness.report.stored import check_writable

            try:
                check_writable(settings.json)
            except UsageError as error:
                raise pytest.UsageError(f"--binder-json: {error}") from error

    @cached_property
    def run(self) -> Run:
        """The run so far; created with the first event."""
        from harness.report.run import Run

        return Run(str(self.settings.target), self._started)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the events from a report."""
        lines: list[str] = vars(report).get(EVENTS, [])
        if lines:
            from harness.report.events import decode

            for event in map(decode, lines):
                self.run(event)
                show(self._config, event)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember the interruption."""
        if isinstance(excinfo.value, KeyboardInterrupt):
            self._interruption = excinfo.value

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the result document and the suite properties, and set the exit status."""
        if "run" not in vars(self) and self.settings.json is None:
            return
        if self._interruption is not None:
            from emulator.base.interruption import signal_behind

            self.run.interrupted = signal_behind(self._interruption).name
        if self.settings.json is not None:
            try:
                self.run.document().write(self.settings.json)
            except UsageError as error:
                raise pytest.UsageError(f"--binder-json: {error}") from error
        for plugin in session.config.pluginmanager.get_plugins():
            add_suite_property = getattr(plugin, "add_global_property", None)  # pytest's JUnit writer has it
            if add_suite_property is not None:
                for name, value in self.run.properties().items():
                    add_suite_property(name, value)
        finished = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if finished and self.run.exit_code > ExitCode.UNEXPECTED:
            session.exitstatus = self.run.exit_code
