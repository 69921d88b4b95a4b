"""The dependency directions that CONTRIBUTING.md shows, and what every module owes its reader."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("emulator", "device_agents", "harness")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST = 300
MOST_MODULES = 15
"""In one folder, __init__.py apart."""
NOTHING, ALL_BELOW = "nothing", "all below"


def rooms() -> dict[str, str]:
    """CONTRIBUTING's table of rooms: each row's folders, with what its last column allows."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \|[^|]+\| ([^|]+) \|$", text, flags=re.MULTILINE)
    return {room: allowed for names, allowed in rows for room in _quoted(names)}


def _quoted(text: str) -> list[str]:
    return [name.rstrip("/") for name in re.findall(r"`([^`]+)`", text)]


ROOMS = rooms()


def may_import(room: str) -> set[str]:
    """The rooms that a room may import, by the table."""
    allowed = ROOMS[room]
    if allowed == NOTHING:
        return set()
    order = list(ROOMS)
    if allowed == ALL_BELOW:
        return set(order[order.index(room) :])
    return set(_quoted(allowed))


def room_of(module: str) -> str | None:
    """The room of a module, by the longest name in the table that it lies in; None for a package's root."""
    path = module.replace(".", "/")
    for room in sorted(ROOMS, key=len, reverse=True):
        name = room.removesuffix(".py")
        if path == name or path.startswith(f"{name}/"):
            return room
    return None


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full module name of everything a module imports, wherever in it, for types alone too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def module_of(imported: str) -> str | None:
    """The module of ours that an import means: itself, or the one that holds the name; None for others."""
    return next((name for name in (imported, imported.rpartition(".")[0]) if name in NAMES), None)


@pytest.fixture(params=MODULES, ids=name_of)
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_the_table_names_every_room_and_no_other() -> None:
    assert all((ROOT / room).exists() for room in ROOMS)
    # A package's root hands out the names of its rooms.
    homeless = [name for name in NAMES if room_of(name) is None and name not in PACKAGES]
    assert homeless == []
    assert all(may_import(room) <= set(ROOMS) for room in ROOMS)


def test_a_module_imports_only_what_the_table_allows(module: Path) -> None:
    room = room_of(name_of(module))
    if room is None:
        return
    allowed = {room} | may_import(room)
    for line, imported in imports(module):
        other = module_of(imported)
        if other is not None and other not in PACKAGES:
            assert room_of(other) in allowed, f"{module}:{line}: {room} may not import {imported}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for name, path in NAMES.items():
        if name == "harness":  # it hands out names when they are asked for
            continue
        graph[name] = {other for _, found in imports(path) if (other := module_of(found))} - {name, "harness"}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)  # or else CycleError


def test_topics_do_not_import_each_other(module: Path) -> None:
    parts = name_of(module).split(".")
    if parts[:2] != ["harness", "experiments"] or len(parts) < 3:
        return
    shared = ("core", "instruments")
    for line, imported in imports(module):
        if imported.startswith("harness.experiments."):
            topic = imported.split(".")[2]
            allowed = shared if parts[2] not in shared else shared[: shared.index(parts[2]) + 1]
            assert topic in (parts[2], *allowed), f"{module}:{line} imports {imported}"


def test_a_module_states_in_its_first_line_why_it_exists(module: Path) -> None:
    text = module.read_text()
    if text.strip():
        docstring = ast.get_docstring(ast.parse(text)) or ""
        first = docstring.partition("\n")[0]
        assert first.endswith((".", ":")), f"{module} has no sentence at its top"


def test_a_module_is_one_idea_long(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST


def test_a_folder_can_be_taken_in_at_a_look() -> None:
    folders: dict[Path, int] = defaultdict(int)
    for path in MODULES:
        folders[path.parent] += path.name != "__init__.py"
    assert {folder: count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_nothing_is_imported_wholesale(module: Path) -> None:
    assert not [line for line, found in imports(module) if found.endswith(".*")]
