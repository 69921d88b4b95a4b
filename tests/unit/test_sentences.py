"""What Python shows of a value that is no text gets into no sentence: `make check` refuses it by its type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

from tests.support import plain_text
from tests.support.documentation import ROOT
from tests.support.sentences import leaked

CODE = """
from collections.abc import Mapping
from typing import NamedTuple

class Place(NamedTuple):
    x: int

def texts(
    missing: int | None, pids: list[str], one: tuple[int], fields: Mapping[str, str], place: Place
) -> None:
    f"{missing}"          # refused
    f"{pids}"             # refused
    f"({one})"            # refused
    f"{fields}"           # refused
    "{}".format(missing)  # refused
    str(missing)          # refused
    f"{missing!r}"
    "{x}".format(**fields)
    f"{place}, {', '.join(pids)}, {one[0]}"
    if missing is not None:
        f"{missing:,}"
        str(missing)
"""


def test_a_text_with_none_or_a_container_is_no_plain_text(tmp_path: Path) -> None:
    module, configuration = tmp_path / "module.py", tmp_path / "mypy.ini"
    module.write_text(CODE)
    configuration.write_text(f"[mypy]\nplugins = {plain_text.__file__}\ncache_dir = {ROOT / '.mypy_cache'}\n")
    output, _, _ = api.run(["--config-file", str(configuration), str(module)])
    found = [int(line) for line in re.findall(r":(\d+): error: a text gets", output)]
    assert found == [number for number, line in enumerate(CODE.splitlines(), 1) if "# refused" in line]


def test_the_check_of_types_has_that() -> None:
    assert 'plugins = ["tests/support/plain_text.py"]' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "the process None",
        "restarted (['265'])",
        "killed {'265'}",
        "the objects are at []",
        "the pages [1, 2]",
        "the pages (1,)",
        "[Errno 13] Permission denied",
        "<Figure object at 0x7f>",
        "<Verdict.ERROR: 'error'>",
    ],
)
def test_such_a_text_is_recognised(text: str) -> None:
    assert leaked(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "none is held by ProcessState::self()",
        "node (1, 2), [heap], {brace}, <binder-harness 5>",
        "a name such as 'activity' (see 'service list')",
    ],
)
def test_a_sentence_has_none_of_it(text: str) -> None:
    assert leaked(text) == []
