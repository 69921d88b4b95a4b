"""Pages in a real Chromium: `make screenshots` installs what these tests need, and runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from harness.report.difference import load
from harness.report.formats.report import Report
from harness.report.page.html import render
from harness.report.stored import write_text

CHROMIUM = "/usr/bin/chromium"
"""Debian's."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--documents", type=Path, required=True, help="a directory with run.json, matrix.json")
    parser.addoption("--screenshots", type=Path, required=True, help="the directory for the pictures")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session", params=["run", "matrix"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page, rendered from a stored document."""
    name: str = request.param
    documents: Path = request.config.getoption("--documents")
    page = tmp_path_factory.mktemp("pages") / f"{name}.html"
    write_text(render(Report(load(documents / f"{name}.json"))), page)
    return page.as_uri()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the page; what the console or an error says while it is open fails the test."""
    pages: list[Page] = []
    complaints: list[str] = []

    def opened(*, width: int = 1280, scheme: str = "light", scripts: bool = True) -> Page:
        page: Page = browser.new_page(
            viewport={"width": width, "height": 1000}, color_scheme=scheme, java_script_enabled=scripts
        )
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if request.url != address else None)
        page.goto(address)
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []
