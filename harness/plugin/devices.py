"""Opens a device for the tests of this process, sees when it is lost, and has it replaced by a fresh one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from emulator.base.errors import DeviceLostError, ExitCode, HarnessError
from emulator.base.progress import Report, report, reporting_to

if TYPE_CHECKING:
    from emulator.target import Target
    from harness.device.device import Device
    from harness.device.facts import Facts
    from harness.experiments.core.judge import Result
    from harness.report.run import Failure, Note

PROGRESS = pytest.StashKey[Report]()
"""On the config: where the lines of a long start go, if not to pytest's terminal."""
RESULT = pytest.StashKey["Result"]()
"""On a test: what came of the claim that it judged."""


class Devices:
    """The device of this process: one at a time, opened when a test first asks for it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._current: Device | None = None
        self._unreported: Facts | None = None
        self._lost = False
        self._end_fixture: Callable[[], object] = lambda: None

    @contextlib.contextmanager
    def open(self, target: Target) -> Iterator[Device]:
        """Open a device, and close it in the end, lost or not."""
        from harness.device.device import open_device

        with contextlib.ExitStack() as stack:
            with reporting_to(self._config.stash.get(PROGRESS, self._to_terminal)):
                device = stack.enter_context(open_device(target))
                self._unreported = device.facts
            self._current, self._lost = device, False
            try:
                yield device
            finally:
                self._current = None

    def held_by(self, definition: pytest.FixtureDef[Any], request: Any) -> None:
        """Remember the fixture that holds the device, so that it can be set up again after a loss."""
        self._end_fixture = lambda: definition.finish(request)

    def replace_lost(self) -> None:
        """Before a test: end the fixture, and all that depend on it, if its device is lost."""
        if self._current is None or not (self._lost or self._ended()):
            return
        try:
            self._end_fixture()
        except Exception as error:
            report(f"closing the lost device: {error}")

    def note(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Note | None:
        """What there is to tell after one phase of a test."""
        facts, self._unreported = self._unreported, None
        result = item.stash.get(RESULT, None) if call.when == "call" else None
        failure = self._failure(call, result)
        if facts is None and result is None and failure is None:
            return None
        from harness.report.run import Note

        return Note(device=facts, result=result, failure=failure)

    def _failure(self, call: pytest.CallInfo[None], result: Result | None) -> Failure | None:
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, DeviceLostError):
            return self._loss(str(error))
        if result is not None and result.verdict == "lost":
            return self._loss(result.reason)
        if self._current is not None and self._ended() and not self._lost:
            return self._loss(f"The device ended.\n{self._current.console_tail()}".rstrip())
        if isinstance(error, HarnessError) and call.when == "setup":
            return _failure(str(error), error.exit_code)
        return None

    def _loss(self, message: str) -> Failure:
        self._lost = True
        return _failure(message, ExitCode.DEVICE_LOST)

    def _ended(self) -> bool:
        return self._current is not None and not self._current.alive

    def _to_terminal(self, line: str) -> None:
        plugins = self._config.pluginmanager
        terminal, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
        if terminal is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            terminal.ensure_newline()
            terminal.write_line(line)


def _failure(message: str, exit_code: ExitCode) -> Failure:
    from harness.report.run import Failure

    return Failure(message=message, exit_code=exit_code)
