"""The shell scripts beside the modules that run them: all are there, all are run, and a wheel has them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hatchling.builders.wheel import WheelBuilder

from tests.unit.test_architecture import MODULES, PACKAGES, ROOT, parsed


def scripts_run() -> Iterator[str]:
    """The paths of the scripts that modules run, below the root."""
    for module in MODULES:
        for node in ast.walk(parsed(module)):
            match node:
                case ast.Call(ast.Name("script"), [ast.Name("__file__"), ast.Constant(str(name)), *_]):
                    yield str(module.with_name(name).relative_to(ROOT))


def test_every_script_is_run_and_in_a_wheel() -> None:
    run = set(scripts_run())
    assert "emulator/host/watch.sh" in run
    there = {str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.sh")}
    assert there == run
    assert run <= {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
