"""`measure`: runs one measurement and prints its raw figures, without a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.base.printable import show
from harness.commands.options import AsJson, Cold, Host, Target, with_start_options

if TYPE_CHECKING:
    from harness.experiments.core.json_values import Json


def measure(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A measurement; without one, list them all.")
    ] = None,
    target: Target = "embedded",
    cold: Cold = False,
    host: Host = None,
    as_json: AsJson = False,
) -> None:
    """Run one measurement and print its figures, without a verdict.

    \b
    binder-harness measure                        what can be measured
    binder-harness measure size-limits
    binder-harness measure size-limits --json
    """
    from harness.experiments.core.measurement import MEASUREMENTS

    if name is None:
        for entry in MEASUREMENTS.all().values():
            show(f"{entry.name:<24}  {entry.summary}")
        show("\nRun one of them: binder-harness measure NAME")
        return
    measurement = MEASUREMENTS.get(name)
    from emulator.base.errors import FacilityMissingError
    from harness.device.device import open_device
    from harness.experiments.core.json_values import to_json

    with open_device(with_start_options(target, cold=cold, host=host)) as device:
        try:
            figures = to_json(measurement.run(device))
        except FacilityMissingError as error:
            raise FacilityMissingError(f"{measurement.name} cannot be measured here: {error}") from error
    if as_json:
        show(json.dumps(figures, indent=2, ensure_ascii=False))
        return
    from harness.experiments.core.figure import grouped

    show(f"{measurement.summary}\n")
    rows = [(label, grouped(value)) for label, value in _leaves(figures)]
    width = max((len(label) for label, _ in rows), default=0)
    for label, text in rows:
        show(f"{label:<{width}}  {text}")


def _leaves(value: Json, label: str = "") -> Iterator[tuple[str, Json]]:
    """Every figure with its path, such as `pages.active`."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _leaves(entry, f"{label}.{key}" if label else key)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _leaves(entry, f"{label}[{index}]")
    else:
        yield label, value
