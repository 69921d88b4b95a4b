"""Listens to what pytest reports, and makes of it the result document, suite properties and exit status."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from emulator.base.errors import ExitCode, UsageError
from harness.plugin.options import Settings

if TYPE_CHECKING:
    from harness.report.run import Note, Run

NOTE = "binder_harness"
"""The attribute of a test report that holds its note (harness.report.run), in JSON, as xdist wants it."""


def attach(note: Note, report: pytest.TestReport) -> None:
    """Put a note on a report."""
    vars(report)[NOTE] = note.to_json()


class Listener:
    """Hears every report of a run: those of xdist's workers too, where it listens to their controller."""

    NAME = "binder-harness-listener"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
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
        """What is known of the run; made when there is something to know."""
        from harness.report.run import Run

        return Run(str(self.settings.target), self._started)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the note from a report."""
        value = vars(report).get(NOTE)
        if value is not None:
            from harness.report.run import Note

            self.run.take(Note.from_json(value))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that the run was interrupted, and how."""
        if isinstance(excinfo.value, KeyboardInterrupt):
            self._interruption = excinfo.value

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was asked for, and let the exit status tell what kind of failure it was."""
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
