"""Opens a device for the tests of this process, and replaces it when it is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from emulator.base.errors import DeviceLostError, ExitCode, HarnessError
from emulator.base.progress import report, reporting_to
from harness.plugin.elsewhere import EVENTS
from harness.plugin.options import Settings
from harness.plugin.views import show_line

if TYPE_CHECKING:
    from harness.device.device import Device
    from harness.device.facts import Facts
    from harness.experiments.core.result import Result
    from harness.report.events import Event
    from harness.report.failure import Failure

RESULT = pytest.StashKey["Result"]()
"""On a test: the result of the claim that it judged."""


class Devices:
    """The device of this process: one at a time, opened for the first test that uses it."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._current: Device | None = None
        self._unreported_facts: Facts | None = None
        self._lost = False
        self._end_fixture: Callable[[], object] = lambda: None

    @contextlib.contextmanager
    def open(self) -> Iterator[Device]:
        """Open a device, and close it at the end of the block."""
        from harness.device.device import open_device

        with contextlib.ExitStack() as stack:
            target = self._settings.target
            with reporting_to(lambda text: show_line(self._config, str(target), text)):
                device = stack.enter_context(open_device(target))
                self._unreported_facts = device.facts
            self._current, self._lost = device, False
            try:
                yield device
            finally:
                self._current = None

    def keep_fixture(self, definition: pytest.FixtureDef[Any], request: Any) -> None:
        """Remember the fixture of the device, so that it can be set up again after a loss."""
        self._end_fixture = lambda: definition.finish(request)

    def replace_lost(self) -> None:
        """Before a test: finish the fixture, and all that depend on it, if its device is lost."""
        if self._current is None or not (self._lost or self._ended()):
            return
        try:
            self._end_fixture()
        except Exception as error:
            report(f"closing the lost device: {error}")

    def events(self, item: pytest.Item, call: pytest.CallInfo[None]) -> list[Event]:
        """The events of one phase of a test."""
        if call.when == "call" and EVENTS in item.stash:
            return item.stash[EVENTS]
        facts, self._unreported_facts = self._unreported_facts, None
        result = item.stash.get(RESULT, None) if call.when == "call" else None
        failure = self._failure(call, result)
        if facts is None and result is None and failure is None:
            return []
        from harness.report.events import Failed, Judged, Opened

        target = str(self._settings.target)
        return [
            *([Opened(target=target, facts=facts)] if facts else []),
            *([Judged(target=target, result=result)] if result else []),
            *([Failed(target=target, failure=failure)] if failure else []),
        ]

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


def _failure(message: str, exit_code: ExitCode) -> Failure:
    from harness.report.failure import Failure

    return Failure(message=message, exit_code=exit_code)
