"""The examples that README shows do what it says of them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from harness.device.device import Device

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = [
    example
    for example in re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    if "open_device" in example
]


def printed(example: str) -> list[str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(example, README, "exec"), {})
    return output.getvalue().splitlines()


@pytest.mark.usefixtures("device")  # what is downloaded and built comes with it, outside of the examples
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_shows_something(example: str) -> None:
    lines = printed(example)
    assert len(lines) >= example.count("print(")
    assert "()" not in lines


def test_a_service_of_the_prompt_has_a_name(device: Device) -> None:
    with device.service("my.service", lambda _: None) as service:
        assert repr(service) == f"<Service 'my.service' of process {service.process.pid}>"
        assert repr(service.process) == f"<DeviceProcess {service.process.pid}>"
