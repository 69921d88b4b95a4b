"""The dependency directions of the design, and what every module owes its reader."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("emulator", "device_agents", "harness")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST = 300

LEAVES = {"emulator.base.deadline", "emulator.base.errors", "emulator.base.progress"}
"""What anything may import."""

ABOVE_THE_EMBEDDED = {"booting", "doctor", "host_doctor", "image", "image_file", "remote", "remote_machine"}
"""The modules directly in `emulator` that may import `emulator.embedded`, which is built on the others.

The registry of kinds, in `target`, names the modules it imports when asked for.
"""

LAYERS = (
    {"cli", "commands", "matrix", "pytest_plugin", "pytest_devices", "pytest_options", "pytest_reports"},
    {"report"},
    {"claims"},
    {"measure"},
    {"framework"},
    {"probe"},
    {"binder"},
    {"device"},
    {"adb_link"},
    {"agent", "kernel"},
    {"facts", "registry", "json_values"},
)
"""The parts of `harness`, from the top down: each may import those below, and the front ends each other."""

ON_DEMAND = {("device", "probe"), ("device", "binder"), ("device", "measure")}
"""The ways up, taken when asked for: a device finds its facts, serves names, records its transactions."""

REACH_THE_EMULATOR = {"adb_link", "device", "cli", "commands", "matrix", "pytest_options"}
"""The parts of `harness` that may import more of `emulator` than its leaves."""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full module name of everything a module imports, wherever in it; type checking apart."""
    tree = ast.parse(path.read_text())
    for_types_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module or ""
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def part_of(module: str) -> str:
    """The part of `harness` that a module belongs to: the name below the package."""
    return module.split(".")[1] if "." in module else ""


def layer_of(part: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.fixture(params=MODULES, ids=name_of)
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_what_makes_devices_knows_nothing_of_what_asks_them(module: Path) -> None:
    if name_of(module).partition(".")[0] != "harness":
        assert not [found for found in imports(module) if found[1].partition(".")[0] == "harness"]


def test_only_the_device_and_the_front_ends_reach_the_emulator(module: Path) -> None:
    name = name_of(module)
    if name.startswith("harness") and part_of(name) not in REACH_THE_EMULATOR:
        reached = {found for _, found in imports(module) if found.startswith("emulator.")}
        assert {".".join(found.split(".")[:2]) for found in reached} <= LEAVES


def test_dependencies_of_the_harness_point_down(module: Path) -> None:
    name = name_of(module)
    if not name.startswith("harness."):  # and the package itself hands out names of any layer
        return
    part = part_of(name)
    for line, found in imports(module):
        if not found.startswith("harness."):
            continue
        other = part_of(found)
        downward = layer_of(part) == 0 or layer_of(other) > layer_of(part)
        allowed = downward or other == part or (part, other) in ON_DEMAND
        assert allowed, f"{module}:{line}: {part} is not above {other}"


def test_the_embedded_device_is_built_on_the_rest_of_the_emulator(module: Path) -> None:
    if module.parent == ROOT / "emulator" and module.stem not in ABOVE_THE_EMBEDDED:
        assert not [found for found in imports(module) if found[1].startswith("emulator.embedded")]


def test_modules_of_the_emulator_do_not_import_each_other_in_a_circle() -> None:
    modules = {name_of(path): path for path in MODULES if path.is_relative_to(ROOT / "emulator")}
    graph = {
        name: {found for _, found in imports(path) if found in modules} for name, path in modules.items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(modules)  # or else CycleError


def test_a_module_says_in_its_first_line_why_it_exists(module: Path) -> None:
    text = module.read_text()
    if text.strip():
        docstring = ast.get_docstring(ast.parse(text)) or ""
        first = docstring.partition("\n")[0]
        assert first.endswith((".", ":")), f"{module} has no sentence at its top"


def test_a_module_is_one_idea_long(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST


def test_nothing_is_imported_wholesale(module: Path) -> None:
    assert not [line for line, found in imports(module) if found.endswith(".*")]
