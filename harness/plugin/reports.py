"""Collects events from pytest's reports into the result document, suite properties and exit status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.base.errors import ExitCode, HarnessError, UsageError
from harness.plugin.options import Settings
from harness.plugin.views import show

if TYPE_CHECKING:
    from harness.report.events import Event
    from harness.report.journal import Journal
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
        self.write_error: HarnessError | None = None
        """Why the result document could not be written."""
        if settings.json is not None:
            from harness.report.journal import prepare

            try:
                prepare(settings.json)
            except UsageError as error:
                raise pytest.UsageError(f"--binder-json: {error}") from error

    @cached_property
    def run(self) -> Run:
        """The run so far; created with the first event."""
        from harness.report.run import Run

        return Run(str(self.settings.target), self._started)

    @cached_property
    def journal(self) -> Journal | None:
        """The journal of the document; created with the first event."""
        if self.settings.json is None:
            return None
        from harness.report.journal import Heading, Journal

        heading = Heading(
            started=self._started.isoformat(timespec="seconds"),
            targets=(self.run.target,),
            claims=tuple(self.run.requested_claims),
        )
        return Journal(self.settings.json, heading)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the events from a report."""
        lines: list[str] = vars(report).get(EVENTS, [])
        if lines:
            from harness.report.events import decode

            for event in map(decode, lines):
                self.run(event)
                if self.journal is not None:
                    self.journal(event)
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
            self._write(self.settings.json)
        for plugin in session.config.pluginmanager.get_plugins():
            add_suite_property = getattr(plugin, "add_global_property", None)  # pytest's JUnit writer has it
            if add_suite_property is not None:
                from harness.report.formats.junit import properties

                run = self.run
                for name, value in properties(run.target, run.facts, run.interrupted).items():
                    add_suite_property(name, value)
        finished = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if finished and self.run.exit_code > ExitCode.UNEXPECTED:
            session.exitstatus = self.run.exit_code

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show why the result document could not be written."""
        if self.write_error is not None:
            terminalreporter.section("Binder harness", red=True)
            terminalreporter.write_line(str(self.write_error))

    def _write(self, path: Path) -> None:
        """Write the result document; an error is a failure of the run, which goes on to its other reports."""
        document = self.run.document()
        try:
            if "journal" in vars(self) and self.journal is not None:
                self.journal.replace_by(lambda: document.write(path))
            else:
                document.write(path)
        except HarnessError as error:
            from harness.report.events import Failed
            from harness.report.failure import Failure

            self.write_error = error
            failure = Failure(message=str(error), exit_code=error.exit_code)
            self.run(Failed(target=self.run.target, failure=failure))
