"""A pytest plugin that judges the claims that another process names, as it names them."""

from __future__ import annotations

import os

import pytest

from harness.experiments.core.claim import Claim
from harness.plugin.plugin import SETTINGS
from harness.plugin.views import show
from harness.report.events import Ready

OPTION = "--binder-feed"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that names the pipe."""
    parser.getgroup("binder-harness").addoption(
        OPTION, type=int, required=True, metavar="DESCRIPTOR", help="judge the claims that this pipe names"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run a test for each line until the pipe ends, with an event before each and after the last."""
    target = str(session.config.stash[SETTINGS].target)
    items = {claim_of(item).id: item for item in session.items}
    with os.fdopen(session.config.getoption(OPTION)) as names:
        show(session.config, Ready(target=target))
        for line in names:
            item = items[line.strip()]
            # What the module's tests share, such as the device, is kept for a next test, whichever that is.
            other = next((each for each in session.items if each is not item), None)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=other)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            show(session.config, Ready(target=target))
    return True


def claim_of(item: pytest.Item) -> Claim:
    """The claim that a test judges."""
    assert isinstance(item, pytest.Function)
    claim = item.callspec.params["claim"]
    assert isinstance(claim, Claim)
    return claim
