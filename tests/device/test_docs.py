"""The examples of README and docs/ do what is said of them."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.device.device import Device
from tests.support.documentation import PAGES, ROOT, Block, blocks

PYTHON = [
    block for page in PAGES for block in blocks(page) if block.language == "python" and not block.source
]
PROGRAMS = [block for block in PYTHON if "open_device(" in block.text]
TESTS = [block for block in PYTHON if "def test_" in block.text]
SECONDS = 120


def identify(block: Block) -> str:
    return block.page.stem


def printed(example: Block) -> list[str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(example.text, example.page, "exec"), {})
    return output.getvalue().splitlines()


def test_every_example_is_run() -> None:
    assert [block for block in PYTHON if block not in PROGRAMS and block not in TESTS] == []


@pytest.mark.usefixtures("device")  # what is downloaded and built comes with it, outside of the examples
@pytest.mark.parametrize("example", PROGRAMS, ids=identify)
def test_an_example_shows_something(example: Block) -> None:
    lines = printed(example)
    assert len(lines) >= example.text.count("print(")
    assert "()" not in lines


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("example", TESTS, ids=identify)
def test_an_example_of_a_test_passes(example: Block, tmp_path: Path) -> None:
    file = tmp_path / "test_example.py"
    file.write_text(example.text)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "--rootdir", str(tmp_path), str(file)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert "1 passed" in run.stdout, run.stdout + run.stderr


def test_a_service_of_the_prompt_has_a_name(device: Device) -> None:
    with device.service("my.service", lambda _: None) as service:
        assert repr(service) == f"<Service 'my.service' of process {service.process.pid}>"
        assert repr(service.process) == f"<DeviceProcess {service.process.pid}>"
