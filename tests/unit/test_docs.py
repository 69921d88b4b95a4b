"""The documentation: links lead somewhere, commands can be typed, and what it lists is what there is."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import emulator
import harness
from emulator.base.errors import HarnessError
from emulator.kinds.image_file import EXAMPLE
from emulator.target import DeviceKind, kinds
from harness.device.facts import Need
from harness.plugin import options, plugin
from tests.support.documentation import (
    DOCS,
    PAGES,
    README,
    ROOT,
    Block,
    anchors,
    blocks,
    command_lines,
    links,
    parse_command_line,
)
from tests.support.own_claims import unchanged_registries
from tests.unit.test_architecture import ROOMS

__all__ = ["unchanged_registries"]

pytestmark = pytest.mark.usefixtures("unchanged_registries")

LINKS = [(page, link) for page in PAGES for link in links(page)]
EXTERNAL = [link for _, link in LINKS if "://" in link]
INTERNAL = [(page, link) for page, link in LINKS if "://" not in link]
QUOTATIONS = [block for page in PAGES for block in blocks(page) if block.source]
DEVICES, PYTEST, ERRORS = DOCS / "devices.md", DOCS / "pytest.md", DOCS / "errors.md"
LONGEST_README = 130
OPTION = re.compile(r"--binder-[a-z-]+|BINDER_HARNESS_[A-Z_]+")


def identify(value: object) -> str:
    return str(value.relative_to(ROOT)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("page", "link"), INTERNAL, ids=identify)
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.is_file()
    assert not anchor or anchor in anchors(target)


def test_an_external_link_is_well_formed() -> None:
    parts = [urlsplit(link) for link in EXTERNAL]
    assert all(part.scheme == "https" and "." in part.netloc for part in parts)


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_a_path_in_the_text_is_there(page: Path) -> None:
    prose = re.sub(r"^\|.*$", "", page.read_text(), flags=re.MULTILINE)  # the tables have tests of their own
    paths = re.findall(r"`((?:harness|emulator|device_agents|tests|bench|docs)/[\w/.-]+)`", prose)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_reference_names_modules_that_there_are() -> None:
    pages = (DOCS / "reference").glob("*.rst")
    modules = [name for page in pages for name in re.findall(r"automodule:: (\S+)", page.read_text())]
    assert modules
    assert [name for name in modules if find_spec(name) is None] == []


@pytest.mark.parametrize("line", [line for page in PAGES for line in command_lines(page)])
def test_a_command_line_can_be_typed(line: str) -> None:
    parse_command_line(line)


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= LONGEST_README


def test_every_page_is_on_the_site_and_reached_from_the_readme() -> None:
    listed = {entry for block in blocks(DOCS / "index.md") for entry in block.text.split()}
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")} - {"index"}
    assert pages <= listed
    assert {f"docs/{page}.md" for page in pages if "/" not in page} <= set(links(README))


def test_every_block_names_its_language() -> None:
    assert [block for page in PAGES for block in blocks(page) if not block.language] == []


@pytest.mark.parametrize("block", QUOTATIONS, ids=lambda block: block.source)
def test_a_quotation_is_what_the_file_has(block: Block) -> None:
    assert block.source is not None
    assert block.text in (ROOT / block.source).read_text()


def test_the_picture_names_rooms_that_there_are() -> None:
    names = re.findall(r'class="name"[^>]*>([\w, ]+)', (DOCS / "architecture.svg").read_text())
    rooms = {Path(room).stem for room in ROOMS}
    of_the_device = {"system call agent", "other processes", "Binder driver"}
    shown = {name.strip() for text in names if text not in of_the_device for name in text.split(",")}
    assert shown <= rooms


def raised() -> Iterator[type[Exception]]:
    """Every error class of this project."""
    for package in (emulator, harness):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.rpartition(".")[2].startswith("test_"):
                for value in vars(importlib.import_module(found.name)).values():
                    if (
                        isinstance(value, type)
                        and issubclass(value, Exception)
                        and _is_public(value, found.name)
                    ):
                        yield value


def _is_public(error: type[Exception], module: str) -> bool:
    return error.__module__ == module and not error.__name__.startswith("_")


def documented_tree() -> dict[str, tuple[str | None, int, str]]:
    """Of each error in the tree of errors.md: the one above it, its exit status, and its other base."""
    (tree,) = (block.text for block in blocks(ERRORS) if "├" in block.text)
    above: dict[int, str] = {}
    found: dict[str, tuple[str | None, int, str]] = {}
    for line in tree.splitlines():
        match = re.fullmatch(r"([│├└─ ]*)(\w+) +(\d)(?: +also an? (\w+))?", line)
        assert match, line
        depth = len(match[1]) // 4
        above[depth] = match[2]
        found[match[2]] = (above.get(depth - 1), int(match[3]), match[4] or "")
    return found


def described(error: type[HarnessError]) -> tuple[str | None, int, str]:
    """What the tree shows of an error."""
    above = [base.__name__ for base in error.__bases__ if issubclass(base, HarnessError)]
    others = [base.__name__ for base in error.__bases__ if not issubclass(base, HarnessError)]
    return (above[0], int(error.exit_code), "".join(others)) if above else (None, int(error.exit_code), "")


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    errors = [error for error in raised() if issubclass(error, HarnessError)]
    assert documented_tree() == {error.__name__: described(error) for error in errors}


def test_every_error_is_explained_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", ERRORS.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted({error.__name__ for error in raised()})


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.name)
def test_every_option_of_a_target_is_explained(kind: DeviceKind) -> None:
    text = DEVICES.read_text()
    assert f"`{kind.name}" in text
    assert all(f"`{option.name}`" in text for option in kind.options)


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.name)
def test_an_option_of_a_few_values_has_them_in_its_table(kind: DeviceKind) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|", DEVICES.read_text(), re.MULTILINE)
    for option in kind.options:
        values = re.split(r", | or ", option.values)
        tables = [(shown.split(", "), default) for name, shown, default in rows if name == option.name]
        if all(re.fullmatch(r"[\w-]+", value) for value in values) and tables:
            assert any(
                (sorted(shown), default) == (sorted(values), option.default) for shown, default in tables
            )


def test_every_assumption_names_tests_that_there_are() -> None:
    named = set(re.findall(r"`(test_\w+)", (DOCS / "assumptions.md").read_text()))
    tests = {
        name
        for module in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", module.read_text(), re.MULTILINE)
    }
    assert named
    assert named - tests == set()


def test_every_facility_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", DEVICES.read_text(), re.MULTILINE)
    assert {(need.value, need.meaning) for need in Need} <= set(rows)


def test_the_image_file_is_the_one_that_is_read() -> None:
    assert EXAMPLE.strip() in DEVICES.read_text()


def test_every_fixture_and_option_of_the_plugin_is_explained() -> None:
    text = PYTEST.read_text()
    declared = re.findall(
        r"^@pytest\.fixture(?:\(scope=\S+\))?\ndef (\w+)", Path(plugin.__file__).read_text(), re.M
    )
    assert declared
    assert all(f"| `{name}` |" in text for name in declared)
    assert set(OPTION.findall(Path(options.__file__).read_text())) - {"BINDER_HARNESS_"} <= set(
        OPTION.findall(text)
    )
