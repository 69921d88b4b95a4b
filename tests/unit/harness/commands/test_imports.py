"""What a command imports: its start is what the user waits for, so nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "adbutils", "androguard", "asyncio", "distributed", "drawsvg", "hypothesis", "importlib.metadata",
    "jinja2", "paramiko", "pydantic", "pytest", "qemu", "requests", "rich", "ziglang", "zstandard",
}  # fmt: skip
"""What takes 5 to 500 ms each."""
WITH_PYTEST = HEAVY - {"importlib.metadata", "pytest", "rich"}
PROGRAM = """
import sys
{before}
from harness.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def imported(*words: str, before: str = "") -> set[str]:
    """The modules that a command has imported at its end, by their full names."""
    command = [sys.executable, "-c", PROGRAM.format(before=before), *words]
    return set(subprocess.run(command, capture_output=True, text=True).stderr.splitlines()[-1].split())


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    "words", [("--help",), ("list",), ("explain", "mmap.once"), ("doctor",), ("cache",), ("verify", "--help")]
)
def test_a_command_without_a_device_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported(*words) & HEAVY == set()


def test_the_help_and_the_list_import_no_claim() -> None:
    for words in (("--help",), ("list",)):
        assert {
            name for name in imported(*words) if name.endswith("claims") and "experiments" in name
        } == set()


def test_verify_imports_no_client_that_its_device_does_not_use() -> None:
    found = imported("verify", "mmap.once", before="import tests.support.fake_device_plugin")
    assert found & WITH_PYTEST == set()
    assert "pytest" in found


def test_the_plugin_imports_nothing_but_pytest_and_what_is_small() -> None:
    program = (
        "import pytest, sys; before = set(sys.modules); import harness.plugin.plugin; "
        "print(*(set(sys.modules) - before))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    new = set(found.stdout.split())
    assert "harness.plugin.plugin" in new
    assert new & HEAVY == set()
    ours = {name for name in new if name.startswith(("harness.", "emulator."))}
    assert {name.split(".")[1] for name in ours} == {"plugin", "base"}
