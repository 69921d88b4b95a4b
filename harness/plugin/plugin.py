"""The pytest plugin: its options, the fixtures `device`, `process` and `binder`, and `requires(...)`.

Where Binder harness is installed, every pytest run loads it. So it imports nothing heavy before a test uses a
device, and does not touch tests that use none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from emulator.base.errors import interruption_behind
from emulator.base.printable import printable
from harness.plugin.devices import RESULT, Devices
from harness.plugin.elsewhere import EVENTS, JUDGE_ELSEWHERE, result_in
from harness.plugin.options import Settings, add_options, load_sources, settings_of
from harness.plugin.reports import Collector, attach

if TYPE_CHECKING:
    from harness.binder import Binder
    from harness.device.device import Device, DeviceProcess
    from harness.experiments.core.claim import Claim
    from harness.experiments.core.result import Result

DEVICES = pytest.StashKey[Devices]()
SETTINGS = pytest.StashKey[Settings]()
REQUIREMENTS = "_binder_requirements"
REQUIRES = (
    "requires(*facilities): skip where the device of the fixture `device` lacks one of them, such as "
    '"root" or "binder_debug" (Binder harness)'
)
"""The marker, as `pytest --markers` shows it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare --binder-target and the other options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before anything is collected."""
    config.addinivalue_line("markers", REQUIRES)
    settings = settings_of(config)
    config.stash[SETTINGS] = settings
    if settings.claims:
        load_sources(settings)
    config.stash[DEVICES] = Devices(config, settings)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config, settings), Collector.NAME)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Check the requirements of tests before their fixtures; UsageError for an unknown facility."""
    if _declared_by_others(config):
        return
    for item in items:
        marks = list(item.iter_markers("requires"))
        if marks and _sees_our_device(item):
            for mark in marks:
                _check_names(mark.args, item)
            names: list[str] = vars(item)["fixturenames"]
            if REQUIREMENTS not in names:  # the cases of a parametrized test share the list
                names.insert(0, REQUIREMENTS)


def _declared_by_others(config: pytest.Config) -> bool:
    """Whether the test suite, or another plugin, declares its own marker `requires`."""
    lines = [line for line in config.getini("markers") if line != REQUIRES]
    return "requires" in (re.split("[:(]", line, maxsplit=1)[0].strip() for line in lines)


def _sees_our_device(item: pytest.Item) -> bool:
    """Whether this test's fixture `device` is this plugin's, or overrides and uses it."""
    definitions = item.session._fixturemanager.getfixturedefs("device", item) or ()
    for definition in reversed(definitions):  # the last one is used, and may itself use the one before
        if definition.func.__module__ == __name__:
            return isinstance(item, pytest.Function)
        if "device" not in definition.argnames:
            return False
    return False


def _check_names(names: tuple[object, ...], item: pytest.Item) -> None:
    from emulator.base.errors import did_you_mean
    from harness.device.facts import Need

    valid = [need.value for need in Need]
    unknown = [name for name in names if name not in valid]
    if unknown or not names:
        what = f"{unknown[0]!r}, which is not a facility" if unknown else "nothing"
        near = did_you_mean(str(unknown[0]), valid) if unknown else ""
        raise pytest.UsageError(
            f"{item.nodeid} requires {what}.{near} "
            f"Facilities: {', '.join(valid)}.\n"
            "(The marker `requires` is Binder harness's. A test suite with its own marker of this name "
            "declares it among the `markers` of its pytest configuration.)"
        )


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: Any) -> None:
    """Remember the fixture of the device."""
    if fixturedef.argname == "device" and fixturedef.func.__module__ == __name__:
        request.config.stash[DEVICES].keep_fixture(fixturedef, request)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Replace a device that an earlier test lost."""
    item.config.stash[DEVICES].replace_lost()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the events of devices and claims to the report; after an interruption there is none.

    Where cleaning up fails after it, as when a device is being opened, that is no failure of the test.
    """
    interruption = interruption_behind(call.excinfo.value) if call.excinfo else None
    if interruption is not None:
        raise interruption
    if call.excinfo is not None:
        from harness.plugin.tracebacks import hide_our_frames

        hide_our_frames(call.excinfo.value)
    report = yield
    events = item.config.stash[DEVICES].events(item, call)
    if events:
        from harness.report.events import Failed

        attach(events, report)
        for event in events:
            if isinstance(event, Failed):
                report.sections.append(("Device", printable(event.failure.message)))
    return report


@pytest.fixture(scope="session")
def device(pytestconfig: pytest.Config) -> Iterator[Device]:
    """The device of --binder-target, opened once for the session; replaced after a loss."""
    with pytestconfig.stash[DEVICES].open() as opened:
        yield opened


@pytest.fixture
def fresh_device(device: Device) -> Iterator[Device]:
    """The device, rolled back before the test and after it, which ends every process on it."""
    device.rollback()
    yield device
    device.rollback()


@pytest.fixture
def process(device: Device) -> Iterator[Callable[..., DeviceProcess]]:
    """Starts processes on the device, which end after the test: `process(uid=…, gid=…)`."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(device.process(**options))


@pytest.fixture
def binder(device: Device, process: Callable[..., DeviceProcess]) -> Iterator[Callable[..., Binder]]:
    """Opens endpoints on the device's free binder node, which are closed after the test.

    `binder()` starts a process for the endpoint, `binder(server, size=…)` opens it in an existing one.
    """
    from harness.device.facts import Need

    _skip_without([Need.FREE_BINDER], device)
    node = device.facts.free_binder_device
    assert node is not None
    with ExitStack() as stack:

        def open_endpoint(of: DeviceProcess | None = None, **options: Any) -> Binder:
            from harness.binder import Binder

            return stack.enter_context(Binder.open(of or process(), node, **options))

        yield open_endpoint


@pytest.fixture
def judge_claim(request: pytest.FixtureRequest) -> Callable[[Claim], Result]:
    """Judges a claim on the device, or elsewhere, and adds the result to every report of the run."""
    from harness.experiments.core.json_values import to_json
    from harness.experiments.core.judge import judge

    elsewhere = request.config.stash.get(JUDGE_ELSEWHERE, None)
    device: Device | None = None if elsewhere else request.getfixturevalue("device")

    def judge_and_record(claim: Claim) -> Result:
        if elsewhere is not None:
            request.node.stash[EVENTS] = elsewhere(claim)
            result = result_in(request.node.stash[EVENTS])
        else:
            assert device is not None
            settings = request.config.stash[SETTINGS]
            result = judge(claim, device, seconds=settings.time_limit, java=settings.java)
            request.node.stash[RESULT] = result
        for name in ("verdict", "as_expected", "measured", "reason"):
            value = to_json(getattr(result, name))
            # As `record_property` does, which warns of each test where --junitxml writes xunit2, the default.
            text = printable(value) if isinstance(value, str) else value
            request.node.user_properties.append((name, text))
        return result

    return judge_and_record


@pytest.fixture(name=REQUIREMENTS)
def _requirements(request: pytest.FixtureRequest, device: Device) -> None:
    """Skips a test if the device lacks a facility of its `requires`."""
    _skip_without([name for mark in request.node.iter_markers("requires") for name in mark.args], device)


def _skip_without(names: list[str], device: Device) -> None:
    from harness.device.facts import Need

    for name in names:
        reason = Need(name).missing(device.facts)
        if reason is not None:
            pytest.skip(reason)
