"""Programs that are kept can be taken again by name; nothing but a program is read as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.base.errors import UsageError
from harness.explore.kept_programs import from_python, keep, load
from harness.explore.program import as_python
from harness.model.steps import Open
from tests.support.model_taker import random_program


@pytest.mark.parametrize("seed", range(5))
def test_a_program_is_found_by_its_name_and_by_its_file(seed: int, tmp_path: Path) -> None:
    program = tuple(step for step, _ in random_program(seed))
    name = keep(program, tmp_path)
    assert keep(program, tmp_path) == name
    assert load(name, tmp_path) == load(str(tmp_path / f"{name}.py"), Path("elsewhere")) == program


def test_an_unknown_name_names_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kept are: none"):
        load("1f0c9a7e", tmp_path)
    name = keep([Open(1)], tmp_path)
    with pytest.raises(UsageError, match=f"kept are: {name}"):
        load("1f0c9a7e", tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("replay(device, ", "no Python"),
        ("", "has no program"),
        ("replay(device)", "has no program"),
        ("replay(device, 5)", "has no program"),
        ("replay(device, Open(1, 2, 3))", "line 1"),
        ("replay(device, open('/etc/passwd'))", "no part of a program"),
        ("replay(device, Open(__import__('os').getpid()))", "no part of a program"),
        ("replay(device, Control(1, 1, BinderIoctl.NONE))", "no part of a program"),
    ],
)
def test_what_is_no_program_is_refused_and_not_run(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        from_python(text, "FILE")


def test_the_script_that_is_printed_is_the_one_that_is_read() -> None:
    assert from_python(as_python([Open(1), Open(2)]), "FILE") == (Open(1), Open(2))
