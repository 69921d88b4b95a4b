"""Programs as Python that can be run again."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model.steps import Step


def as_python(program: Sequence[Step]) -> str:
    """A script that takes these steps on a device, and compares each with the model."""
    steps = "".join(f"        {each!r},\n" for each in program)
    return (
        "from harness.explore.names import *\n\n"
        'with open_device("embedded") as device:\n'
        f"    replay(\n        device,\n{steps}    )\n"
    )
