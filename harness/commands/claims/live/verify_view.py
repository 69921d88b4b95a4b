"""Shows the progress of a run of claims, instead of pytest's own terminal output."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence

import pytest
from rich.console import Console
from rich.progress import Progress, SpinnerColumn

from emulator.base.errors import HarnessError
from emulator.base.interruption import received
from emulator.base.progress import reporting_to
from harness.commands.claims.live.progress import live_progress, print_line
from harness.plugin.reports import Collector
from harness.plugin.views import VIEW
from harness.report.events import Event, Judged, Line, View
from harness.report.run import Run
from harness.report.terminal.console import PrintableConsole

COMPARISONS = {True: "as expected", False: "UNEXPECTED", None: "not compared"}


class VerifyView:
    """A view of events, and a pytest plugin that captures pytest's own output, for a run without results."""

    def __init__(self, console: Console, progress: Progress, claims: Sequence[str]) -> None:
        self.pytest_output = io.StringIO()
        self.interruption: KeyboardInterrupt | None = None
        self._console = console
        self._progress = progress
        self._task = progress.add_task("starting", total=len(claims))
        self._claims = claims
        self._ended: set[str] = set()
        self._collector: Collector | None = None
        self._session: pytest.Session | None = None
        self._showing = threading.RLock()
        self._over = False

    @property
    def run(self) -> Run | None:
        """The run so far; None when pytest ended before it began."""
        return self._collector.run if self._collector else None

    @property
    def write_error(self) -> HarnessError | None:
        """Why the result document could not be written; None where it was, or none was asked for."""
        return self._collector.write_error if self._collector else None

    def __call__(self, event: Event) -> None:
        """Show a line of progress, or a claim's verdict."""
        match event:
            case Line(text=text):
                self.show_line(text)
            case Judged(result=result):
                self._ended.add(result.id)
                self._progress.update(self._task, completed=len(self._ended))
                if not self._console.is_terminal:
                    comparison = COMPARISONS[result.as_expected]
                    self.show_line(
                        f"[{len(self._ended):>3}/{len(self._claims)}] {result.id}: "
                        f"{result.verdict}, {comparison} ({result.seconds:.1f} s)"
                    )

    def show_line(self, line: str) -> None:
        """Show a line of progress; nothing once the view has ended: workers may still report then."""
        with self._showing:
            if self._over:
                return
            if self._console.is_terminal:
                self._progress.update(self._task, description=line)
            else:
                print_line(self._console, line)

    def end(self) -> None:
        """Show no more."""
        with self._showing:
            self._over = True

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Replace pytest's terminal reporter by a captured one, which other plugins can still use."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        config.pluginmanager.unregister(reporter)
        config.pluginmanager.register(type(reporter)(config, self.pytest_output), "terminalreporter")
        if VIEW not in config.stash:  # a worker process of a matrix has a view that writes to its pipe
            view: View = self
            config.stash[VIEW] = view
        self._collector = config.pluginmanager.get_plugin(Collector.NAME)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember the session, to be able to stop it, and give the run its requested claims."""
        self._session = session
        if self.run is not None:
            self.run.requested_claims = self._claims

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show the current claim; after an interruption that went unnoticed, end before it."""
        interruption = received()
        if interruption is not None:
            raise interruption
        if self._console.is_terminal:
            self.show_line(_claim_id(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Stop the run if no device can be opened."""
        if self.run is None or self._session is None or not (report.failed and self.run.failures):
            return
        if report.when == "setup" or not self.run.results:
            self._session.shouldfail = "there is no device"

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember the interruption."""
        if isinstance(excinfo.value, KeyboardInterrupt):
            self.interruption = excinfo.value


@contextlib.contextmanager
def verify_view(claims: Sequence[str]) -> Iterator[VerifyView]:
    """A view that is live on a terminal, and plain lines elsewhere.

    It writes to a copy of standard error, which pytest does not capture: standard output has only the table.
    """
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(os.fdopen(os.dup(sys.stderr.fileno()), "w", errors="replace"))
        console = PrintableConsole(stream)
        progress = live_progress(console, SpinnerColumn(), text="{task.description}")
        view = VerifyView(console, progress, claims)
        stack.enter_context(progress)
        stack.callback(view.end)
        stack.enter_context(reporting_to(view.show_line))
        yield view


def _claim_id(nodeid: str) -> str:
    return nodeid.partition("[")[2].removesuffix("]")
