"""The dependency directions that CONTRIBUTING.md shows, and what every module owes its reader."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

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


@functools.cache
def room_of(module: str) -> str | None:
    """The room of a module, by the longest name in the table that it lies in; None for a package's root."""
    path = module.replace(".", "/")
    for room in sorted(ROOMS, key=len, reverse=True):
        name = room.removesuffix(".py")
        if path == name or path.startswith(f"{name}/"):
            return room
    return None


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node, however deep, but no expression: most of a module, in which none imports."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from statements(child)


@functools.cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Line and full module name of everything a module imports, wherever in it, for types alone too."""
    found = []
    for node in statements(parsed(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def module_of(imported: str) -> str | None:
    """The module of ours that an import means: itself, or the one that holds the name; None for others."""
    return next((name for name in (imported, imported.rpartition(".")[0]) if name in NAMES), None)


# Each rule is one test of all modules: as a test for each module, they were a third of all tests there are.


def test_the_table_names_every_room_and_no_other() -> None:
    assert all((ROOT / room).exists() for room in ROOMS)
    # A package's root hands out the names of its rooms.
    homeless = [name for name in NAMES if room_of(name) is None and name not in PACKAGES]
    assert homeless == []
    assert all(may_import(room) <= set(ROOMS) for room in ROOMS)


def test_a_module_imports_only_what_the_table_allows() -> None:
    assert list(_against_the_table()) == []


def _against_the_table() -> Iterator[str]:
    for name, path in NAMES.items():
        room = room_of(name)
        if room is None:
            continue
        allowed = {room} | may_import(room)
        for line, imported in imports(path):
            other = module_of(imported)
            if other is not None and other not in PACKAGES and room_of(other) not in allowed:
                yield f"{path}:{line}: {room} may not import {imported}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for name, path in NAMES.items():
        if name == "harness":  # it hands out names when they are asked for
            continue
        graph[name] = {other for _, found in imports(path) if (other := module_of(found))} - {name, "harness"}
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)  # or else CycleError


def test_topics_do_not_import_each_other() -> None:
    assert list(_between_topics()) == []


def _between_topics() -> Iterator[str]:
    shared = ("core", "instruments")
    for name, path in NAMES.items():
        parts = name.split(".")
        if parts[:2] != ["harness", "experiments"] or len(parts) < 3:
            continue
        allowed = shared if parts[2] not in shared else shared[: shared.index(parts[2]) + 1]
        for line, imported in imports(path):
            if imported.startswith("harness.experiments.") and imported.split(".")[2] not in (
                parts[2],
                *allowed,
            ):
                yield f"{path}:{line} imports {imported}"


def test_a_module_states_in_its_first_line_why_it_exists() -> None:
    without = [path for path in MODULES if path.read_text().strip() and not _has_a_first_sentence(path)]
    assert without == []


def _has_a_first_sentence(path: Path) -> bool:
    docstring = ast.get_docstring(parsed(path)) or ""
    return docstring.partition("\n")[0].endswith((".", ":"))


def test_a_module_is_one_idea_long() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in MODULES}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_a_folder_can_be_taken_in_at_a_look() -> None:
    folders: dict[Path, int] = defaultdict(int)
    for path in MODULES:
        folders[path.parent] += path.name != "__init__.py"
    assert {folder: count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_nothing_is_imported_wholesale() -> None:
    wholesale = [
        f"{path}:{line}" for path in MODULES for line, found in imports(path) if found.endswith(".*")
    ]
    assert wholesale == []
