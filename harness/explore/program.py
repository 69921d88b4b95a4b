"""Programs as Python that can be run again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from harness.binder.abi.uapi import BinderIoctl
from harness.model.steps import Step


def as_python(program: Sequence[Step]) -> str:
    """A script that takes these steps on a device, and compares each with the model."""
    steps = "".join(f"        {shown(each)},\n" for each in program)
    return (
        "from harness.explore.names import *\n\n"
        'with open_device("embedded") as device:\n'
        f"    replay(\n        device,\n{steps}    )\n"
    )


def shown(value: object) -> str:
    """A step, or what is in it, without the arguments that have their default."""
    if isinstance(value, BinderIoctl):
        return f"BinderIoctl.{value.name}"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' if len(value) == 1 else ''})"
    if not dataclasses.is_dataclass(value):
        return repr(value)
    arguments: list[str] = []
    by_name = False
    for each in dataclasses.fields(value):
        content = getattr(value, each.name)
        if content == each.default:
            by_name = True
        else:
            arguments.append(f"{each.name}={shown(content)}" if by_name else shown(content))
    return f"{type(value).__name__}({', '.join(arguments)})"
